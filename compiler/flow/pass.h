/*
 * The passes over flow IR, a file each; passes.c has their table. A pass takes a verified module
 * and leaves one, and never changes a program's result, nor which tasks run on what.
 */
#ifndef WKC_FLOW_PASS_H
#define WKC_FLOW_PASS_H

#include "flow/build.h"

void pass_unused(struct ir_module *module);
void pass_inline(struct ir_module *module);
void pass_propagate(struct ir_module *module);
void pass_fold(struct ir_module *module);
void pass_hoist(struct ir_module *module);
void pass_cse(struct ir_module *module);
void pass_dead(struct ir_module *module);
void pass_each(struct ir_module *module);
void pass_stream(struct ir_module *module);
void pass_fuse(struct ir_module *module);
void pass_chunk(struct ir_module *module);
void pass_share(struct ir_module *module);

#endif
