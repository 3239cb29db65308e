// The commands of the program, as data (command.h).
#include "cli/commands.h"

#include "cli/serve.h"

#define OPTIONS(table) .options = (table), .option_count = SL_ARRAY_LEN(table)

static const struct sl_option replay_options[] = {
    {.name = "rules",
     .letter = 'r',
     .value = "FILE",
     .needed = true,
     .repeats = true,
     .help = "The rules. Given several times, the files are one set."},
    {.name = "format",
     .letter = 'f',
     .value = "FORMAT",
     .help = "combined, common or json. Left out, the first line of each log that can be read "
             "settles it: json where that is an object; else every line is read as common, and as "
             "combined where referer and user agent follow."},
    {.name = "time-field",
     .value = "NAME",
     .help = "json: the field that holds the time; \"time\" unless given. RFC 3339, the time of an "
             "access log, or a number since 1970: seconds, with decimals if any; integers from "
             "10^11 on are milliseconds, from 10^14 microseconds, from 10^17 nanoseconds."},
    {.name = "ignore-other-types",
     .help = "json: pass over fields that are neither text, integer nor boolean. Without it such a "
             "field makes its line unparsed."},
    {.name = "reorder",
     .value = "DURATION",
     .help = "Sort lines by time first, as far as they are at most so late: 60s. Without it, and "
             "beyond, a line that is late is decided at the latest time so far."},
    {.name = "json", .letter = 'j', .help = "Print one JSON object instead of tables."},
    {.name = "top",
     .letter = 'n',
     .value = "N",
     .help = "How many keys to list of each rule; 10 unless given, 0 for none."},
    {.name = "secret-attribute",
     .value = "NAME",
     .repeats = true,
     .help = "Show the values of this attribute as fingerprints only, like those of api_key, "
             "header.authorization and header.cookie."},
    {.name = "secret-file",
     .value = "FILE",
     .help = "Key the fingerprints by this file's content. Without it their key is the same "
             "everywhere, and whoever guesses a value can test the guess."},
};

static const struct sl_option check_options[] = {
    {.name = "together",
     .help = "The files are one set of rules, as for replay: no id may occur in two of them."},
};

static const struct sl_option explain_options[] = {
    {.name = "rules",
     .letter = 'r',
     .value = "FILE",
     .needed = true,
     .repeats = true,
     .help = "The rules. Given several times, the files are one set."},
    {.name = "cost",
     .letter = 'c',
     .value = "N",
     .help = "The cost of the request; 1 unless given."},
};

static const struct sl_option token_options[] = {
    {.name = "scopes",
     .value = "SCOPES",
     .help = "What the token is good for: decide, read, admin, with commas between; decide unless "
             "given."},
};

const struct sl_command sl_commands[] = {
    {
        .name = "replay",
        .arguments = "LOG...",
        .least = 1,
        .most = SIZE_MAX,
        .missing = "no LOG to read; - is standard input",
        .summary = "Say what rules would have done to the traffic of an access log",
        .text =
            "Reads access logs, one after the other, and decides each request as the Rate Limiter "
            "would have done at its time. - is standard input; compressed logs (gzip) are known by "
            "their content.\n"
            "\n"
            "The attributes of a request are client_ip, method, path, path_raw, query.NAME, "
            "protocol, status, bytes, user, header.referer and header.user-agent; of a JSON line, "
            "its fields. A field - is absent. Lines that cannot be read are counted as unparsed, "
            "the first few are shown, and the run goes on.",
        OPTIONS(replay_options),
        .run = sl_run_replay,
    },
    {
        .name = "rules check",
        .arguments = "FILE...",
        .least = 1,
        .most = SIZE_MAX,
        .missing = "no FILE to check",
        .summary = "Check rule files and report every mistake",
        .text = "Reads each file as a set of rules of its own and reports all that is wrong with "
                "it, with line and column and what would be right. Exits 0 where every file is "
                "valid, else 1.",
        OPTIONS(check_options),
        .run = sl_run_rules_check,
    },
    {
        .name = "explain",
        .arguments = "NAME=VALUE...",
        .least = 0,
        .most = SIZE_MAX,
        .missing = NULL,
        .summary = "Show which rules a request meets, and why",
        .text = "Takes the attributes of a request and shows of every rule whether it matches and "
                "why not, the key it counts by and what it would charge:\n"
                "\n"
                "  sluice explain --rules rules.yaml client_ip=10.0.0.1 path=/login",
        OPTIONS(explain_options),
        .run = sl_run_explain,
    },
    {
        .name = "serve",
        .arguments = NULL,
        .least = 0,
        .most = 0,
        .missing = NULL,
        .summary = "Serve decisions over RESP and HTTP",
        .text = "Answers Redis clients (CL.THROTTLE, ALLOW, ...) and HTTP clients (POST /v1/allow, "
                "GET /v1/check, ...) by the rules. SIGHUP reads rules, tokens and certificates "
                "again; SIGTERM stops once those connected are served.\n"
                "\n"
                "  sluice serve --rules rules.yaml",
        .options = sl_serve_options,
        .option_count = SL_SERVE_OPTIONS,
        .run = sl_run_serve,
    },
    {
        .name = "token",
        .arguments = "NAME",
        .least = 1,
        .most = 1,
        .missing = "no NAME for the token",
        .summary = "Make a token for clients of sluice serve",
        .text = "Prints a new random token on standard error, and on standard output the line for "
                "the file of --token-file, which holds only its hash:\n"
                "\n"
                "  sluice token web-tier --scopes decide >>tokens",
        OPTIONS(token_options),
        .run = sl_run_token,
    },
    {
        .name = "help",
        .arguments = "[COMMAND]",
        .least = 0,
        .most = 2,
        .missing = NULL,
        .summary = "Show the commands, or the options of one",
        .text = "The same as sluice COMMAND --help.",
        .run = sl_run_help,
    },
    {
        .name = "version",
        .arguments = NULL,
        .least = 0,
        .most = 0,
        .missing = NULL,
        .summary = "Show the version",
        .text = "Prints the name and version of the program.",
        .run = sl_run_version,
    },
};
const size_t sl_command_count = SL_ARRAY_LEN(sl_commands);
