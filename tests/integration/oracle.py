"""A replay in plain Python, written from the definitions: exact fractions, one step after the other, no
care for speed. The tests hold the program's whole report against it.

Rules are dictionaries of the form of a rule file. What stands there as text (rates, durations) is read
here anew, lines are read by a regular expression, addresses by the ipaddress module.
"""

import fractions
import ipaddress
import json
import re
import urllib.parse

SECOND = 10**9
UNITS = {"ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND, "w": 7 * 86400 * SECOND}
ABSENT = None


def duration(text):
    number, unit = re.fullmatch(r"(\d*)([a-z]+)", str(text)).groups()
    return int(number or 1) * UNITS[unit]


def rate_of(limit):
    count, period = limit["rate"].split("/")
    return int(count), duration(period)


# ---- limits: each has test(now, cost) -> "allowed", "throttled" or "never", and take(now, cost) -------


class Unlimited:
    def __init__(self, limit):
        pass

    def test(self, now, cost):
        return "allowed"

    def take(self, now, cost):
        pass


class TokenBucket:
    def __init__(self, limit):
        count, period = rate_of(limit)
        self.rate = fractions.Fraction(count, period)
        self.burst = limit.get("burst", count)
        if limit.get("guarantee") == "any_window":
            self.burst = limit.get("burst", 1 + count // 50)
            width = period + duration(limit.get("jitter", "0s"))
            self.rate = fractions.Fraction(count - self.burst + 1, width)
        self.begin()

    def begin(self):
        self.tokens = fractions.Fraction(self.burst)
        self.at = 0

    def advance(self, now):
        self.tokens = min(fractions.Fraction(self.burst), self.tokens + self.rate * (now - self.at))
        self.at = now

    def test(self, now, cost):
        if cost == 0:
            return "allowed"
        self.advance(now)
        if cost > self.burst or self.rate == 0:
            return "never"
        return "allowed" if cost <= self.tokens else "throttled"

    def take(self, now, cost):
        self.advance(now)
        self.tokens -= cost


class LeakyBucket(TokenBucket):
    """Places in a queue that drains at the rate: what is admitted waits, and counts as allowed."""

    def __init__(self, limit):
        count, period = rate_of(limit)
        self.rate = fractions.Fraction(count, period)
        self.burst = limit["queue"] + 1
        self.begin()


class FixedWindow:
    def __init__(self, limit):
        self.count, self.period = rate_of(limit)
        self.window = None
        self.used = 0

    def test(self, now, cost):
        if now // self.period != self.window:
            self.window, self.used = now // self.period, 0
        if cost > self.count:
            return "never"
        return "allowed" if cost == 0 or self.used + cost <= self.count else "throttled"

    def take(self, now, cost):
        self.used += cost


class SlidingLog:
    def __init__(self, limit):
        self.count, self.period = rate_of(limit)
        self.count_refused = limit.get("count_refused", False)
        self.units = []  # the time of each unit, newest last

    def test(self, now, cost):
        self.units = [time for time in self.units if time > now - self.period]
        if cost > self.count:
            return "never"
        return "allowed" if cost == 0 or len(self.units) + cost <= self.count else "throttled"

    def take(self, now, cost):
        self.units += [now] * cost

    def refuse(self, now, cost):
        if self.count_refused:
            self.units = (self.units + [now] * cost)[-self.count :]


class SlidingWindow:
    """previous * (W - e) + (current + cost) * W <= N * W"""

    def __init__(self, limit):
        self.count, self.period = rate_of(limit)
        self.window, self.previous, self.current = 0, 0, 0

    def advance(self, now):
        window = now // self.period
        if window != self.window:
            self.previous = self.current if window == self.window + 1 else 0
            self.window, self.current = window, 0

    def test(self, now, cost):
        self.advance(now)
        if cost > self.count:
            return "never"
        elapsed = now % self.period
        used = self.previous * (self.period - elapsed) + (self.current + cost) * self.period
        return "allowed" if cost == 0 or used <= self.count * self.period else "throttled"

    def take(self, now, cost):
        self.current += cost


class SubWindows:
    def __init__(self, limit):
        self.count, self.period = rate_of(limit)
        self.parts = limit["sub_windows"]
        self.part = self.period // self.parts
        self.used = {}

    def test(self, now, cost):
        current = now // self.part
        self.used = {part: used for part, used in self.used.items() if part >= current - self.parts}
        if cost > self.count:
            return "never"
        return "allowed" if cost == 0 or sum(self.used.values()) + cost <= self.count else "throttled"

    def take(self, now, cost):
        self.used[now // self.part] = self.used.get(now // self.part, 0) + cost


class Concurrency:
    def __init__(self, limit):
        self.slots = limit["slots"]
        self.lease = duration(limit.get("lease", "60s"))
        self.leases = []  # (end, slots)

    def test(self, now, cost):
        self.leases = [(end, slots) for end, slots in self.leases if end > now]
        if cost > self.slots:
            return "never"
        return "allowed" if cost == 0 or sum(slots for _, slots in self.leases) + cost <= self.slots else "throttled"

    def take(self, now, cost):
        self.leases.append((now + self.lease, cost))


def bucket_of(limit):
    kinds = {"token_bucket": TokenBucket, "leaky_bucket": LeakyBucket, "fixed_window": FixedWindow}
    kinds |= {"sliding_log": SlidingLog, "concurrency": Concurrency, "unlimited": Unlimited}
    kinds["sliding_window"] = SubWindows if limit.get("sub_windows") else SlidingWindow
    return kinds[limit.get("algorithm", "token_bucket")](limit)


# ---- the Client Identifier Builder ----------------------------------------------------------------


def address_of(text):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def canonical_client(text):
    address = address_of(text)
    if address is None or address.version == 4:
        return text if address is None else str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def normal_path(path):
    """Paths are texts whose characters are bytes (latin-1)."""
    path = re.split(r"[?#]", path)[0]

    def escape(found):
        if found.group(1) is None:
            return "%25"
        byte = int(found.group(1), 16)
        return chr(byte) if byte in UNRESERVED else f"%{byte:02X}"

    path = re.sub("%([0-9A-Fa-f]{2})?", escape, path)
    if not path.startswith("/"):
        return path
    path = re.sub("/+", "/", path)
    done = []
    parts = path.split("/")[1:]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "..":
            done = done[:-1]
        if part not in (".", ".."):
            done.append(part)
        elif last:
            done.append("")
    return "/" + "/".join(done)


def glob(pattern, text):
    return re.fullmatch("".join({"*": "(?s:.*)", "?": "(?s:.)"}.get(c, re.escape(c)) for c in pattern), text) is not None


def meets(name, pattern, value):
    if name == "client_ip" and not set(str(pattern)) & set("*?"):
        address = address_of(value)
        network = ipaddress.ip_network(pattern)
        return address is not None and address.version == network.version and address in network
    return glob(str(pattern), value)


def holds(conditions, values):
    for name, patterns in conditions.items():
        value = values.get(name)
        if value is ABSENT or not any(meets(name, one, value) for one in (patterns if isinstance(patterns, list) else [patterns])):
            return False
    return True


class Rule:
    def __init__(self, written):
        self.id = written["id"]
        self.written = written
        self.limit = written["limit"] if isinstance(written["limit"], dict) else {"algorithm": written["limit"]}
        self.shadow = written.get("over_limit") == "shadow"
        self.key = written["key"]
        self.buckets = {}
        self.counts = {}  # key -> [matched, throttled]

    def applies(self, values):
        if not holds(self.written.get("match", {}), values):
            return False
        if "except" in self.written and holds(self.written["except"], values):
            return False
        return self.written.get("missing") != "skip" or all(values.get(name) is not ABSENT for name in self.key)

    def key_of(self, values):
        return tuple(canonical_client(values[name]) if name == "client_ip" and values.get(name) is not ABSENT else values.get(name) for name in self.key)

    def cost_of(self, values):
        """The cost, or None where it is no number."""
        cost = self.written.get("cost", 1)
        if isinstance(cost, int):
            return cost
        text = values.get(cost)
        if text is ABSENT:
            return 1
        return int(text) if re.fullmatch("[0-9]+", text) and int(text) < 2**63 else None

    def bucket_at(self, key):
        if key not in self.buckets:
            limit = self.limit
            for override in self.written.get("overrides", []):
                if tuple(override["key"][name] for name in self.key) == key:
                    limit = {**limit, **override["limit"]} if isinstance(override["limit"], dict) else {"algorithm": override["limit"]}
            self.buckets[key] = bucket_of(limit)
        return self.buckets[key]


# ---- lines ----------------------------------------------------------------------------------------

QUOTED = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(
    r"([^\x00-\x20\x7f]+) ([^\x00-\x20\x7f]+) (.+?) \[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] "
    + QUOTED
    + r" (\d{3}|-) (\d+|-)"
    + f"(?: {QUOTED} {QUOTED}(?: .*)?|(?: (?!\").*)?)",
    re.DOTALL,
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
ESCAPES = {'\\"': '"', "\\\\": "\\", "\\b": "\b", "\\f": "\f", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\v": "\v"}


def unescape(text):
    return re.sub(r'\\(?:x[0-9A-Fa-f]{2}|["\\bfnrtv])', lambda found: ESCAPES.get(found.group()) or chr(int(found.group()[2:], 16)), text)


def days_before(year, month, day):
    """Days since 1970, counted one year and one month after the other."""

    def leap(year):
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

    days = sum(366 if leap(each) else 365 for each in range(1970, year))
    lengths = [31, 29 if leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return days + sum(lengths[: month - 1]) + day - 1


def read_line(line):
    """(time, values) of a line of text (latin-1), or None."""
    found = LINE.fullmatch(line)
    if not found:
        return None
    host, _, user, day, month, year, hour, minute, second, sign, east_h, east_m, request, status, size, referer, agent = found.groups()
    seconds = days_before(int(year), MONTHS.index(month) + 1, int(day)) * 86400
    seconds += int(hour) * 3600 + int(minute) * 60 + int(second)
    seconds -= (1 if sign == "+" else -1) * (int(east_h) * 3600 + int(east_m) * 60)
    fields = {"client_ip": host, "user": user, "status": status, "bytes": size}
    fields |= {"header.referer": referer or "-", "header.user-agent": agent or "-"}
    plain = ("client_ip", "status", "bytes")
    values = {name: value if name in plain else unescape(value) for name, value in fields.items() if value != "-"}
    parts = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (.+?)(?: (HTTP/[^ ]+))?", request, re.DOTALL)
    if parts:
        target = unescape(parts.group(2))
        path, _, query = target.partition("?")
        values |= {"method": parts.group(1), "path_raw": path, "path": normal_path(path)}
        if parts.group(3):
            values["protocol"] = parts.group(3)
        for part in query.split("&") if query else []:
            name, _, value = part.partition("=")
            decoded = [urllib.parse.unquote_to_bytes(text.encode("latin-1")).decode("latin-1") for text in (name, value)]
            values.setdefault("query." + decoded[0], decoded[1])
    return seconds * SECOND, values


# ---- the replay -----------------------------------------------------------------------------------


def decide(rules, now, values):
    """(allowed, the rules that apply, what each of them says): all or nothing, shadow rules afterwards."""
    hits = [rule for rule in rules if rule.applies(values)]
    costs = [rule.cost_of(values) for rule in hits]
    buckets = [rule.bucket_at(rule.key_of(values)) for rule in hits]
    says = [bucket.test(now, cost) for bucket, cost in zip(buckets, costs)]
    allowed = all(said == "allowed" for rule, said in zip(hits, says) if not rule.shadow)
    for bucket, cost, said in zip(buckets, costs, says):
        if said == "allowed" and allowed:
            bucket.take(now, cost)
        elif said == "throttled" and isinstance(bucket, SlidingLog):
            bucket.refuse(now, cost)
    return allowed, hits, says


def reordered(requests, window):
    """As sl_reorder promises: by time, as far as nothing is later than the window."""
    waiting, latest = [], 0
    for request in requests:
        waiting.append(request)
        latest = max(latest, request[0])
        waiting.sort(key=lambda each: each[0])  # stable
        while waiting and waiting[0][0] + window <= latest:
            yield waiting.pop(0)
    yield from waiting


def rfc3339(time):
    import datetime

    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time // SECOND)
    part = time % SECOND
    decimals = 0 if part == 0 else 3 if part % 10**6 == 0 else 6 if part % 10**3 == 0 else 9
    fraction = f".{part:09d}"[: decimals + 1] if decimals else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def shown(value):
    """A value as JSON holds it; bytes that are no UTF-8 as \\xHH."""
    if value is ABSENT:
        return None
    raw = value.encode("latin-1")
    text = ""
    while raw:
        try:
            return text + raw.decode()
        except UnicodeDecodeError as error:
            # One byte at a time: what begins no whole character stands for itself.
            text += raw[: error.start].decode() + f"\\x{raw[error.start]:02x}"
            raw = raw[error.start + 1 :]
    return text


def order(item):
    key, (matched, throttled) = item
    return (-throttled, -matched, tuple((value is not ABSENT, (value or "").encode("latin-1")) for value in key))


def report_of(rule, top):
    matched = sum(count[0] for count in rule.counts.values())
    throttled = sum(count[1] for count in rule.counts.values())
    busiest = sorted(rule.counts.items(), key=order)[:top]
    return [
        ("id", rule.id),
        ("algorithm", rule.limit.get("algorithm", "token_bucket")),
        ("matched", matched),
        ("allowed", matched - throttled),
        ("throttled", throttled),
        ("keys", len(rule.counts)),
        ("top", [[("key", [(name, shown(value)) for name, value in zip(rule.key, key)]), ("matched", count[0]), ("throttled", count[1])] for key, count in busiest]),
    ]


def requests_of(log):
    """(requests in order, number of lines that are none) of a log of text."""
    requests, unparsed = [], 0
    lines = log.decode("latin-1").split("\n")
    for line in lines:
        line = line[:-1] if line.endswith("\r") else line
        if line.strip(" \t\r") == "":
            continue
        request = read_line(line)
        if request is None:
            unparsed += 1
        else:
            requests.append(request)
    return requests, unparsed


def replay(written, requests, unparsed=0, top=10, window=None):
    """The report, with every object as a list of pairs in the order of its fields."""
    rules = [Rule(each) for each in written if each.get("enabled", True)]
    good = [each for each in requests if all(rule.cost_of(each[1]) is not None for rule in rules if rule.applies(each[1]))]
    unparsed += len(requests) - len(good)
    allowed_count, latest = 0, 0
    for time, values in good if window is None else reordered(good, window):
        latest = max(latest, time)
        allowed, hits, says = decide(rules, latest, values)
        allowed_count += allowed
        for rule, said in zip(hits, says):
            count = rule.counts.setdefault(rule.key_of(values), [0, 0])
            count[0] += 1
            count[1] += said != "allowed"
    times = [time for time, _ in good]
    return [
        ("requests", len(good)),
        ("unparsed", unparsed),
        ("allowed", allowed_count),
        ("throttled", len(good) - allowed_count),
        ("first", rfc3339(min(times)) if times else None),
        ("last", rfc3339(max(times)) if times else None),
        ("rules", [report_of(rule, top) for rule in rules]),
    ]


def as_pairs(report):
    """Lists instead of tuples, as JSON gives them."""
    return json.loads(json.dumps(report))
