// tree.h - a rule file as a tree of maps, lists and scalars, each with its place: what YAML gives,
// and what JSON will give, before anybody asks what it means.
#ifndef SL_RULE_TREE_H
#define SL_RULE_TREE_H

#include "base/status.h"
#include "rule/report.h"

// Bounds of one file. Rules nest six deep; a million overrides take nine million nodes.
enum {
  SL_TREE_DEPTH_MAX = 16,
  SL_TREE_BYTES_MAX = 64 << 20,
  SL_TREE_NODES_MAX = 16 << 20,
  SL_TREE_KEYS_MAX = 256,  // of one map
  SL_TREE_TEXT_MAX = 65536
};

enum sl_node_kind {
  SL_NODE_SCALAR,
  SL_NODE_MAP,  // children: key, value, key, value; keys are scalars, or SL_NODE_BAD
  SL_NODE_LIST,
  SL_NODE_BAD  // was reported already: pass over it
};

struct sl_node {
  uint8_t kind;
  bool plain;      // a scalar without quotes
  bool cut;        // a map or list whose end a syntax error took away
  uint32_t count;  // of children
  uint32_t line, column;
  union {
    struct sl_str text;
    struct {
      struct sl_node *first, *last;
    };
  };
  struct sl_node *next;  // the sibling
};

// Reads one YAML document of UTF-8 text. Anchors, aliases, tags, merge keys, duplicate keys, a
// second document and whatever passes the bounds are reported and leave SL_NODE_BAD behind, so that
// one run finds the other mistakes too.
//   SL_OK          *ret_root is the tree, NULL for a file without content; reports tell of mistakes
//   SL_ERR_SYNTAX  it stops being YAML, reported; *ret_root holds what came before, maps and lists
//   of
//                  level 1 and 2 marked cut, deeper open ones BAD (or NULL)
//   SL_ERR_MEMORY  also from libyaml's own allocations
// Nodes live in one arena and texts in another, so that the texts can stay when the tree goes.
// Iterative, with a stack of its own. Thread-safe.
enum sl_status sl_tree_parse(const char *file_name, struct sl_str bytes, struct sl_arena *nodes,
                             struct sl_arena *texts, struct sl_reports *reports,
                             struct sl_node **ret_root) SL_MUST_USE;

#endif
