/*
 * Which tasks may call themselves: strongly connected components of the call graph, by Tarjan's
 * algorithm (SIAM J. Comput. 1972) with a stack of its own, since chains of calls may be long.
 */
#include "check/checker.h"

struct frame {
    struct function *function;
    size_t next; /* the next call to follow */
};

struct search {
    VECTOR(struct frame) frames;
    VECTOR(struct function *) component;
    VECTOR(struct function *) order;
    uint32_t visits;
};

static void enter(struct search *s, struct function *f)
{
    f->visit = f->low = ++s->visits;
    f->on_stack = true;
    vector_push(&s->component, f);
    vector_push(&s->frames, (struct frame){f, 0});
}

static bool calls_itself(const struct function *f)
{
    for (size_t i = 0; i < f->calls.count; i++)
        if (f->calls.items[i] == f)
            return true;
    return false;
}

static void close_component(struct search *s, struct function *root)
{
    bool alone = vector_last(&s->component) == root;
    struct function *f;
    do {
        f = vector_pop(&s->component);
        f->on_stack = false;
        f->typed.is_recursive = !f->typed.is_flow && (!alone || calls_itself(f));
        if (f->declaration)
            vector_push(&s->order, f);
    } while (f != root);
}

static void leave(struct search *s)
{
    struct function *f = vector_pop(&s->frames).function;
    if (f->low == f->visit)
        close_component(s, f);
    if (s->frames.count) {
        struct function *caller = vector_last(&s->frames).function;
        if (f->low < caller->low)
            caller->low = f->low;
    }
}

static void visit(struct search *s, struct function *root)
{
    enter(s, root);
    while (s->frames.count) {
        struct frame *frame = &vector_last(&s->frames);
        struct function *f = frame->function;
        if (frame->next == f->calls.count) {
            leave(s);
            continue;
        }
        struct function *callee = f->calls.items[frame->next++];
        if (!callee->visit)
            enter(s, callee);
        else if (callee->on_stack && callee->visit < f->low)
            f->low = callee->visit;
    }
}

void mark_recursion(struct checker *c)
{
    struct search s = {0};
    for (size_t i = 0; i < c->functions.count; i++)
        if (!c->functions.items[i]->visit)
            visit(&s, c->functions.items[i]);
    for (size_t i = 0; i < c->functions.count; i++)
        c->functions.items[i] = s.order.items[i];
    vector_release(&s.frames);
    vector_release(&s.component);
    vector_release(&s.order);
}
