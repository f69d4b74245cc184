/*
 * Building the syntax tree: what the grammar's actions call. Every builder checks the height of
 * what it builds, and refuses what the grammar lets pass for the sake of a better message.
 *
 * Lists grow in the parser's scratch vectors, one for each type of item, and are copied to the
 * arena when they are complete. A list in the making names its items by position, so that what an
 * abandoned inner list left behind is overwritten.
 */
#ifndef WKC_SYNTAX_BUILD_H
#define WKC_SYNTAX_BUILD_H

#include "syntax/parser_state.h"

#define list_none(scratch) ((struct list){(uint32_t)(scratch)->count, 0})
#define list_first(scratch, item)                                                                  \
    (vector_push((scratch), (item)), (struct list){(uint32_t)(scratch)->count - 1, 1})
#define list_more(scratch, so_far, item)                                                           \
    ((scratch)->count = (so_far).begin + (so_far).count, vector_push((scratch), (item)),           \
     (struct list){(so_far).begin, (so_far).count + 1})
/* The items in the arena (NULL when there are none); they leave the scratch vector. */
#define list_take(scratch, memory, items_of)                                                       \
    ((scratch)->count = (items_of).begin,                                                          \
     (items_of).count ? arena_copy((memory), (scratch)->items + (items_of).begin,                  \
                                   (items_of).count * sizeof *(scratch)->items)                    \
                      : NULL)

/* What stands before a declaration. */
struct prefix {
    const char *doc;
    struct list annotations;
};

/* Appends to `annotations`; `arguments` is NULL when there are no parentheses. */
void build_annotation(struct parser *parser, struct list *annotations, struct ast_name name,
                      struct span span, const struct list *arguments);

/* Declarations. */
void build_declaration(struct parser *parser, const struct prefix *prefix,
                       struct ast_declaration *declaration);
struct ast_declaration *build_use(struct parser *parser, struct span span, struct ast_name name);
struct ast_declaration *build_constant(struct parser *parser, struct span span,
                                       struct ast_name name, struct ast_type *type,
                                       struct ast_expression *value);
struct ast_declaration *build_struct(struct parser *parser, struct span span, struct ast_name name,
                                     struct list fields);
struct ast_declaration *build_signature(struct parser *parser, struct ast_name name,
                                        struct list type_parameters, struct list parameters,
                                        struct ast_type *result);
struct ast_declaration *build_function(struct span span, enum ast_declaration_kind kind,
                                       struct ast_declaration *signature, struct ast_block *body);
struct ast_declaration *build_extern(struct span span, struct ast_declaration *signature,
                                     bool is_exec, const char *source, struct span source_span);

/* Types. */
struct ast_type *build_type_name(struct parser *parser, struct span span, struct ast_name module,
                                 struct ast_name name);
struct ast_type *build_array_type(struct parser *parser, struct span span, struct ast_type *unit,
                                  struct list groups);
struct ast_type *build_map_type(struct parser *parser, struct span span, struct ast_type *key,
                                struct ast_type *value);
struct ast_type *build_function_type(struct parser *parser, struct span span, bool is_flow,
                                     struct list parameters, struct ast_type *result);
struct ast_type *build_tuple_type(struct parser *parser, struct span span, struct list parts,
                                  bool trailing_comma);
struct extent_group *build_extents(struct parser *parser, struct list extents);

/* Statements. */
struct ast_block *build_block(struct parser *parser, struct span span, struct list statements);
struct ast_block *build_single_block(struct parser *parser, struct ast_statement *statement);
struct ast_statement *build_declare(struct parser *parser, struct span span,
                                    enum ast_statement_kind kind, struct list names,
                                    bool destructures, struct ast_type *type,
                                    struct ast_expression *value);
struct ast_statement *build_assign(struct parser *parser, struct span span,
                                   struct ast_expression *place, enum operation operation,
                                   struct span operator_span, struct ast_expression *value);
struct ast_statement *build_expression_statement(struct parser *parser, struct span span,
                                                 struct ast_expression *expression);
/* Refuses an expression that is no statement, once it is known to be a whole one. */
struct ast_statement *check_statement(struct parser *parser, struct ast_statement *statement);
struct ast_statement *build_if(struct parser *parser, struct span span,
                               struct ast_expression *condition, struct ast_block *then,
                               struct ast_block *otherwise);
struct ast_statement *build_while(struct parser *parser, struct span span,
                                  struct ast_expression *condition, struct ast_block *body);
struct ast_statement *build_for(struct parser *parser, struct span span,
                                struct ast_iterator iterator, struct ast_block *body);
struct ast_statement *build_jump(struct parser *parser, struct span span,
                                 enum ast_statement_kind kind, struct ast_expression *value);
struct ast_iterator *build_iterator(struct parser *parser, struct span span, struct list names,
                                    struct ast_expression *subject);

/* Expressions. */
struct ast_expression *build_value(struct parser *parser, struct ast_expression *expression);
struct ast_expression *build_range(struct parser *parser, struct span span,
                                   struct ast_expression *low, struct ast_expression *high,
                                   bool inclusive);
struct ast_index build_range_index(struct parser *parser, struct span span,
                                   struct ast_expression *low, struct ast_expression *high,
                                   bool inclusive);
struct ast_expression *build_binary(struct parser *parser, enum ast_operator operator,
                                    enum operation operation, struct ast_expression *left,
                                    struct span operator_span, struct ast_expression *right);
struct ast_expression *build_operation(struct parser *parser, enum operation operation,
                                       struct ast_expression *left, struct span operator_span,
                                       struct ast_expression *right);
struct ast_expression *build_unary(struct parser *parser, enum operation operation,
                                   struct span operator_span, struct ast_expression *operand);
struct ast_expression *build_branches(struct parser *parser, struct span span,
                                      struct ast_expression *condition, struct ast_expression *then,
                                      struct ast_expression *otherwise);
struct ast_expression *build_call(struct parser *parser, struct span span,
                                  struct ast_expression *callee, struct list arguments);
struct ast_expression *build_annotated_call(struct parser *parser, struct span span,
                                            struct list annotations, struct ast_expression *callee,
                                            struct list arguments);
struct ast_expression *build_index(struct parser *parser, struct span span,
                                   struct ast_expression *base, struct list indexes);
struct ast_expression *build_field(struct parser *parser, struct span span,
                                   struct ast_expression *base, struct ast_name name);
struct ast_expression *build_part(struct parser *parser, struct span span,
                                  struct ast_expression *base, uint64_t part,
                                  struct span part_span);
struct ast_expression *build_name(struct parser *parser, struct ast_name name);
struct ast_expression *build_integer(struct parser *parser, struct span span,
                                     enum ast_expression_kind kind, uint64_t value,
                                     bool is_duration);
struct ast_expression *build_float(struct parser *parser, struct span span,
                                   struct float_literal value);
struct ast_expression *build_string(struct parser *parser, struct span span, const char *text,
                                    uint32_t length);
struct ast_expression *build_boolean(struct parser *parser, struct span span, bool value);
struct ast_expression *build_array(struct parser *parser, struct span span, struct list items);
/* `(a)`, a tuple, or the refused tuple of one. */
struct ast_expression *build_tuple(struct parser *parser, struct span span, struct list items,
                                   bool trailing_comma);
struct ast_expression *build_named_tuple(struct parser *parser, struct span span,
                                         struct list parts);
struct ast_expression *build_comprehension(struct parser *parser, struct span span,
                                           struct ast_expression *body, struct list iterators,
                                           struct ast_expression *filter);
/* `base` is the module's name, or NULL. */
struct ast_expression *build_struct_literal(struct parser *parser, struct span span,
                                            struct ast_expression *base, struct ast_name name,
                                            struct list fields);
struct ast_expression *build_map_literal(struct parser *parser, struct span span,
                                         struct ast_type *type, struct list entries);

#endif
