// parse.h - rule files: from bytes to a valid model, or to a list of everything that is wrong with
// them.
#ifndef SL_RULE_PARSE_H
#define SL_RULE_PARSE_H

#include "base/status.h"
#include "rule/report.h"

struct sl_source {
  const char *name;  // as the user knows it; goes into places
  struct sl_str bytes;
};

// Reads rule files in YAML (docs/RULES.md) into one model: rules in the order of the files, ids
// unique across them, trusted_proxies added up, ipv6_prefix the same wherever it is given.
//   SL_OK           *ret_model is valid, and the caller's to free or to compile; reports hold
//   warnings SL_ERR_SYNTAX   a file is not YAML as rules use it; SL_ERR_INVALID it is, but not
//   valid rules; either
//                   way reports name every mistake that was found, in the order of the files
//   SL_ERR_MEMORY   reports may lack some
// `reports` is initialised by the caller and may hold earlier ones. On an error *ret_model is NULL.
// Thread-safe.
enum sl_status sl_rules_parse_all(const struct sl_source *sources, size_t source_count,
                                  const struct sl_mem *mem, struct sl_reports *reports,
                                  struct sl_model **ret_model) SL_MUST_USE;

// The same for one file.
enum sl_status sl_rules_parse(const char *file_name, const void *bytes, size_t len,
                              const struct sl_mem *mem, struct sl_reports *reports,
                              struct sl_model **ret_model) SL_MUST_USE;

#endif
