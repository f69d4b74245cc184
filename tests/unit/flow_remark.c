/*
 * Remarks: their order, their form, and that equal ones are one.
 */
#include "flow/build.h"
#include "flow/remark.h"
#include "test.h"

struct fixture {
    struct arena arena;
    struct type_table types;
    struct source source;
    struct ir_module *module;
};

static void set_up(struct fixture *f)
{
    arena_init(&f->arena);
    type_table_init(&f->types, &f->arena);
    f->source =
        (struct source){.name = "t.wk", .text = "let a = f(x)\nlet b = f(x)\n", .length = 26};
    f->module = ir_module_new(&f->arena, &f->types, &f->source);
}

static void tear_down(struct fixture *f)
{
    type_table_release(&f->types);
    arena_release(&f->arena);
}

static struct span at(struct fixture *f, uint32_t begin, uint32_t end)
{
    return (struct span){&f->source, begin, end};
}

static void says(struct fixture *f, enum diagnostic_format format, const char *expected)
{
    struct buffer text = {0};
    ir_render_remarks(f->module, format, &text);
    CHECK_TEXT(buffer_text(&text), expected);
    buffer_release(&text);
}

static void remarks_follow_the_source(void)
{
    struct fixture f;
    set_up(&f);
    ir_remark(f.module, "fuse", REMARK_MISSED, at(&f, 21, 25), "not fused: `%s` differs", "@retry");
    ir_remark(f.module, "cse", REMARK_DONE, at(&f, 21, 25), "the call of line %d", 1);
    ir_remark(f.module, "fuse", REMARK_DONE, at(&f, 8, 12), "fused");
    ir_remark(f.module, "cse", REMARK_DONE, at(&f, 21, 25), "the call of line %d", 1);
    says(&f, DIAGNOSTIC_PLAIN,
         "note[fuse]: fused\n"
         "  --> t.wk:1:9\n"
         "    1 | let a = f(x)\n"
         "      |         ^^^^\n"
         "note[fuse]: not fused: `@retry` differs\n"
         "  --> t.wk:2:9\n"
         "    2 | let b = f(x)\n"
         "      |         ^^^^\n"
         "note[cse]: the call of line 1\n"
         "  --> t.wk:2:9\n"
         "    2 | let b = f(x)\n"
         "      |         ^^^^\n");
    tear_down(&f);
}

static void remarks_are_json(void)
{
    struct fixture f;
    set_up(&f);
    says(&f, DIAGNOSTIC_JSON, "");
    ir_remark(f.module, "fuse", REMARK_MISSED, at(&f, 21, 25), "\"a\"");
    says(&f, DIAGNOSTIC_JSON,
         "{\"severity\":\"note\",\"pass\":\"fuse\",\"kind\":\"missed\",\"message\":\"\\\"a\\\"\","
         "\"file\":\"t.wk\",\"line\":2,\"column\":9,\"length\":4}\n");
    tear_down(&f);
}

/* A module that was read from text has no lines to show. */
static void remarks_may_have_no_place(void)
{
    struct fixture f;
    set_up(&f);
    ir_remark(f.module, "cse", REMARK_DONE, at(&f, 8, 12), "second");
    ir_remark(f.module, "cse", REMARK_DONE, (struct span){0}, "first");
    says(&f, DIAGNOSTIC_PLAIN,
         "note[cse]: second\n"
         "  --> t.wk:1:9\n"
         "    1 | let a = f(x)\n"
         "      |         ^^^^\n"
         "note[cse]: first\n");
    tear_down(&f);
}

TEST_MAIN(TEST(remarks_follow_the_source), TEST(remarks_are_json), TEST(remarks_may_have_no_place))
