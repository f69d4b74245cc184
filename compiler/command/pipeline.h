/*
 * The way of a program through the compiler and the graph, stage by stage.
 *
 * A compilation holds each form once it is made. pipeline_run() makes all forms up to a stage; the
 * stages stand in one table in pipeline.c, in their order. Every command uses it, so none has a way
 * of its own. When the file is a bundle, flow code and kernels are taken from it, and the forms
 * before them are not there.
 */
#ifndef WKC_COMMAND_PIPELINE_H
#define WKC_COMMAND_PIPELINE_H

#include "base/diagnostic.h"
#include "bundle/bundle.h"
#include "check/check.h"
#include "command/options.h"
#include "flow/ir.h"
#include "graph/code.h"
#include "graph/plan.h"
#include "link/link.h"
#include "syntax/program.h"
#include "value/data_file.h"

enum stage {
    STAGE_READ,      /* source text */
    STAGE_PARSE,     /* syntax tree */
    STAGE_CHECK,     /* typed tree */
    STAGE_LOWER,     /* flow IR, after its passes */
    STAGE_ENCODE,    /* flow code */
    STAGE_BIND,      /* main's parameters and the files they name */
    STAGE_ELABORATE, /* DAG */
    STAGE_PLAN,
    STAGE_LINK, /* kernels, loaded */
    STAGE_COUNT
};

/* The files that main's parameters of type file and file[n] name, by number. */
struct job_files {
    struct data_file **handles;
    struct flow_file *files;
    uint32_t count, capacity;
};

struct compilation {
    const struct options *options;
    const char *path;
    bool needs_main;
    const struct platform *model; /* what the plan is made for, whatever --platform says; or NULL */
    bool opens_result;            /* for a world that lays out results itself (code.h) */
    bool is_portable; /* compiled for a bundle: names of files do not say where they lie */
    bool is_bundle;
    bool is_open; /* the bundle */
    unsigned optimize;
    const char *target; /* "aarch64", …; NULL: this machine */
    struct ir_target executors;
    _Atomic(uint32_t) *stop;

    struct bundle bundle;

    struct arena arena;
    struct interner names;
    struct type_table types;
    struct diagnostics diagnostics;
    const struct source *source;
    struct ast_program *program; /* the file and the modules that it uses */
    struct ast_module *ast;      /* of the file itself */
    struct typed_program *typed;
    struct ir_module *ir;
    struct buffer code_bytes;
    struct flow_code *code;
    struct flow_argument *arguments; /* by leaf of main's parameters */
    struct data_file **files;        /* by leaf; NULL for scalars */
    struct context inputs_context;   /* whose blocks are what was read as a whole */
    struct memory_account inputs_account;
    struct job_files job_files; /* what values of type file are */
    struct data_file **inputs;  /* by input of the DAG; the same files */
    struct dag dag;
    struct elaborate_counters counters;
    struct plan plan;
    struct plan_options plan_options; /* after the stage PLAN */
    struct kernel_library kernels;
    wk_kernel **kernel_table;   /* by task of the DAG */
    wk_kernel **fallback_table; /* likewise; NULL where a task has none */

    enum stage done; /* the next stage to run */
    bool usage;      /* the mistake is one of the command line: exit status 2 */
    double seconds[STAGE_COUNT];
    struct buffer dumps; /* of --dump */
    struct buffer pass_times;
};

void pipeline_init(struct compilation *compilation, const struct options *options,
                   const char *path);
void pipeline_release(struct compilation *compilation);

/* Runs the stages up to and including `last`: true, or false after reporting to
 * compilation->diagnostics. */
bool pipeline_run(struct compilation *compilation, enum stage last);

/* Compiles the kernels into the cache and opens them, without the DAG that the stage LINK numbers
 * them by: 0, or a code after reporting. */
int pipeline_compile_kernels(struct compilation *compilation);

/* Appends kernels.so for the compilation's target, whichever that is; nothing when there are no
 * tasks. 0, or a code after reporting. */
int pipeline_make_kernels(struct compilation *compilation, struct buffer *out);

/* What all kernels of the compilation are compiled with. */
struct link_options pipeline_link_options(const struct compilation *compilation);

/* Appends what --time-passes prints. */
void pipeline_times(const struct compilation *compilation, struct buffer *out);

/* Binds name=value arguments to main's parameters (the stage BIND; parameters.c). */
bool parameters_bind(struct compilation *compilation);
void parameters_release(struct compilation *compilation);

#endif
