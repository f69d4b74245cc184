/*
 * wkc run --on=sim --platform=NAME: the options of a simulation with time.
 */
#ifndef WKC_COMMAND_SIMULATE_H
#define WKC_COMMAND_SIMULATE_H

#include "command/options.h"
#include "command/remote.h"
#include "world/sim_cloud.h"

struct simulation {
    struct platform platform; /* as named, with what other options say in place of its figures */
    struct sim_cloud cloud;   /* without its grain; platform NULL: a simulation without time */
};

/* The model that --platform names, with what options say, of latencies, concurrency, shards and
 * techniques, in place of its figures. 0 or an error of the command line, also where no executor is
 * invoked on it. */
int simulation_read_platform(const struct options *options, const struct remote_setup *setup,
                             struct platform *platform, struct error *error);

/* Reads --platform, --warm, --costs, --dry, and of the remote worlds' options those of latencies,
 * concurrency and techniques. 0 or an error of the command line. */
int simulation_read_options(const struct options *options, const struct remote_setup *setup,
                            bool is_simulated, struct simulation *simulation, struct error *error);

/* The model that --platform names, or NULL with *error. */
const struct platform *simulation_find_platform(const char *name, struct error *error);

#endif
