// The library from C++: the header compiles, objects of C++ hold the handles, callbacks are C++
// functions, threads of C++ share a handle.
#include <sluice/sluice.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

int count = 0;
int failures = 0;

void ok(bool holds, const char *what) {
  count++;
  failures += holds ? 0 : 1;
  std::printf("%s %d - %s\n", holds ? "ok" : "not ok", count, what);
}

struct Free {
  void operator()(sluice *handle) const { sluice_free(handle); }
  void operator()(sluice_limiter *limiter) const { sluice_limiter_free(limiter); }
  void operator()(sluice_pacer *pacer) const { sluice_pacer_free(pacer); }
  void operator()(sluice_reports *reports) const { sluice_reports_free(reports); }
  void operator()(sluice_reservation *reservation) const { sluice_reservation_free(reservation); }
};

template <typename T> using Owned = std::unique_ptr<T, Free>;

// A clock that only the test moves.
struct Clock {
  std::atomic<std::uint64_t> now_ns{SLUICE_S(1700000000)};

  static std::uint64_t now(void *self) { return static_cast<Clock *>(self)->now_ns; }
  static void sleep(void *self, std::uint64_t ns) { static_cast<Clock *>(self)->now_ns += ns; }
};

Owned<sluice> make(Clock &clock) {
  sluice_options options;
  sluice_options_init(&options, sizeof options);
  options.now = Clock::now;
  options.sleep = Clock::sleep;
  options.clock_ctx = &clock;
  sluice *handle = nullptr;
  ok(sluice_create(&options, &handle) == SLUICE_OK, "a handle is made");
  return Owned<sluice>(handle);
}

Owned<sluice_limiter> make_limiter(sluice *handle, std::uint64_t per_second) {
  sluice_limit limit;
  sluice_limit_init(&limit, sizeof limit, SLUICE_TOKEN_BUCKET);
  limit.count = per_second;
  sluice_limiter *limiter = nullptr;
  ok(sluice_limiter_create(handle, &limit, "cxx", nullptr, 0, &limiter) == SLUICE_OK,
     "a limiter is made");
  return Owned<sluice_limiter>(limiter);
}

void test_limiter(sluice *handle, Clock &clock) {
  const auto limiter = make_limiter(handle, 2);
  const std::string key = "tenant-7";
  sluice_decision decision{};
  const auto allow = [&] {
    return sluice_limiter_allow(limiter.get(), key.data(), key.size(), 1, &decision);
  };
  ok(allow() == SLUICE_ALLOWED && allow() == SLUICE_ALLOWED, "two go");
  ok(allow() == SLUICE_THROTTLED && decision.retry_after_ns == SLUICE_MS(500), "the third waits");
  clock.now_ns += decision.retry_after_ns;
  ok(allow() == SLUICE_ALLOWED, "and goes then");
}

void test_rules(sluice *handle) {
  constexpr std::string_view rules = "rules: [{id: a, key: [user], limit: {rate: 1/1s}}]";
  sluice_reports *raw = nullptr;
  ok(sluice_load_text(handle, "rules", rules.data(), rules.size(), &raw) == SLUICE_OK &&
         raw == nullptr,
     "rules are loaded");
  const std::vector<sluice_attr> attrs = {sluice_attr_of("user", "ann"),
                                          sluice_attr_of("path", "/")};
  const sluice_request request = {attrs.data(), attrs.size(), 1, SLUICE_NOW};
  sluice_answer answer;
  ok(sluice_allow(handle, &request, &answer) == SLUICE_ALLOWED, "a request is allowed");
  ok(std::string_view(answer.rule) == "a", "by the rule");
  sluice_reservation *reservation = nullptr;
  ok(sluice_reserve(handle, &request, &reservation, &answer) == SLUICE_ALLOWED,
     "another is reserved");
  const Owned<sluice_reservation> owned(reservation);
  ok(answer.decision.wait_ns == SLUICE_S(1), "for later");
  ok(sluice_load_text(handle, nullptr, "x", 1, &raw) < 0, "what are no rules is refused");
  const Owned<sluice_reports> reports(raw);
  ok(sluice_reports_count(reports.get()) > 0, "with reports");
}

void test_threads(sluice *handle) {
  const auto limiter = make_limiter(handle, 1000);
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; n++) {
        if (sluice_limiter_allow(limiter.get(), "shared", 6, 1, nullptr) == SLUICE_ALLOWED) {
          allowed++;
        }
      }
    });
  }
  for (auto &thread : threads) {
    thread.join();
  }
  ok(allowed == 1000, "threads share a bucket exactly");
}

void test_pacer(sluice *handle, Clock &clock) {
  sluice_pacer *raw = nullptr;
  ok(sluice_smooth_bursty_create(handle, sluice_rate{10, SLUICE_S(1)}, SLUICE_S(1), &raw) ==
         SLUICE_OK,
     "a pacer is made");
  const Owned<sluice_pacer> pacer(raw);
  const std::uint64_t start_ns = clock.now_ns;
  bool fine = true;
  for (int i = 0; i < 11; i++) {
    fine = fine && sluice_pacer_acquire(pacer.get(), 1, nullptr) == SLUICE_OK;
  }
  ok(fine && clock.now_ns - start_ns == SLUICE_S(1), "that paces");
}

}  // namespace

int main() {
  Clock clock;
  const auto handle = make(clock);
  test_limiter(handle.get(), clock);
  test_rules(handle.get());
  test_threads(handle.get());
  test_pacer(handle.get(), clock);
  std::printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
