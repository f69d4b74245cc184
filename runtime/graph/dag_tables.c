/* A graph as a list of tables; see dag_tables.h. */
#include "graph/dag_tables.h"

const size_t dag_table_sizes[DAG_TABLE_COUNT] = {
#define TABLE(NAME, field, type, count) [DAG_TABLE_##NAME] = sizeof(type),
#include "graph/dag_tables.def"
#undef TABLE
};

void dag_tables_count(const struct dag *dag, uint64_t counts[DAG_TABLE_COUNT])
{
#define TABLE(NAME, field, type, count) counts[DAG_TABLE_##NAME] = count;
#include "graph/dag_tables.def"
#undef TABLE
}

void dag_tables_list(const struct dag *dag, const void *tables[DAG_TABLE_COUNT])
{
#define TABLE(NAME, field, type, count) tables[DAG_TABLE_##NAME] = dag->field;
#include "graph/dag_tables.def"
#undef TABLE
}

struct dag dag_tables_bind(const void *const tables[DAG_TABLE_COUNT],
                           const uint64_t counts[DAG_TABLE_COUNT], uint64_t part_count)
{
    return (struct dag){
#define TABLE(NAME, field, type, count) .field = tables[DAG_TABLE_##NAME],
#include "graph/dag_tables.def"
#undef TABLE
        .node_count = (uint32_t)counts[DAG_TABLE_NODES] - 1,
        .pattern_count = (uint32_t)counts[DAG_TABLE_PATTERNS] - 1,
        .view_count = (uint32_t)counts[DAG_TABLE_VIEWS],
        .constant_count = (uint32_t)counts[DAG_TABLE_CONSTANTS],
        .input_count = (uint32_t)counts[DAG_TABLE_INPUTS],
        .task_count = (uint32_t)counts[DAG_TABLE_TASKS],
        .site_count = (uint32_t)counts[DAG_TABLE_SITES],
        .scope_count = (uint32_t)counts[DAG_TABLE_SCOPES],
        .part_count = part_count,
        .view_word_count = counts[DAG_TABLE_VIEW_WORDS],
        .string_bytes = counts[DAG_TABLE_STRINGS],
        .data_bytes = counts[DAG_TABLE_DATA]};
}
