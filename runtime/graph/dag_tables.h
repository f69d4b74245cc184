/*
 * A graph as a list of tables: for what stores graphs, whole (dag_file.c) or in pages with a plan
 * (world/plan_image.c).
 */
#ifndef WKC_GRAPH_DAG_TABLES_H
#define WKC_GRAPH_DAG_TABLES_H

#include "graph/dag.h"

enum dag_table {
#define TABLE(NAME, field, type, count) DAG_TABLE_##NAME,
#include "graph/dag_tables.def"
#undef TABLE
    DAG_TABLE_COUNT
};

extern const size_t dag_table_sizes[DAG_TABLE_COUNT]; /* bytes of a row */

/* How many rows the tables of a graph have, and where they are. */
void dag_tables_count(const struct dag *dag, uint64_t counts[DAG_TABLE_COUNT]);
void dag_tables_list(const struct dag *dag, const void *tables[DAG_TABLE_COUNT]);

/* The graph that tables make up. Of nodes and patterns there is one row at least; other counts fit
 * the fields of struct dag. */
struct dag dag_tables_bind(const void *const tables[DAG_TABLE_COUNT],
                           const uint64_t counts[DAG_TABLE_COUNT], uint64_t part_count);

#endif
