/*
 * One fan-in of the execution protocol, for spin: all orders of arrivals, questions, crashes,
 * duplicates, freezes and ends of leases. protocol.md's clauses are cited; tests/model.py checks this
 * model, and that each of the mistakes below, chosen with -D, is found in it.
 *
 * The join has three edges. Three events were accepted: one whose executor holds the edges 0 and 1,
 * one that was invoked beside it and holds edge 1 only, and one for edge 2. Each event is delivered
 * again after a crash (P5.1), and some are delivered twice although nothing happened. A freeze is an
 * executor that takes no step for a while: the lease may end at any time.
 */
#define ALL 7
#define EVENTS 3

#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef DUPLICATES
#define DUPLICATES 1
#endif

mtype = { own, stop, not };

/* The record of the join (P2.3), and what is true about it. */
byte bits, own_edges, own_token;
bool own_is_live, passed;
byte stored;      /* values that can be read: the truth behind the bits */
bool committed;   /* G */
byte deliveries[EVENTS], at_work;
byte crashes = CRASHES, duplicates = DUPLICATES;
bool claimed[EVENTS];

/* P3.1 to P3.6; the values of the edges are stored in the same step as their bits. */
inline decide(edges, token, stores, answer)
{
    if
    :: own_edges != 0 && (edges & own_edges) == 0 -> answer = stop
    :: else ->
        if
        :: own_edges != 0 && own_is_live && own_token != token -> answer = stop
        :: else ->
            if
            :: passed -> answer = stop
            :: else ->
#ifdef EXPIRED_REPLACED
                if
                :: own_edges != 0 -> own_edges = edges; own_token = token; own_is_live = true;
                   answer = own
                :: else -> complete(edges, token, stores, answer)
                fi
#else
                if
                :: own_edges != 0 && (bits | edges) != ALL -> own_edges = 0
                :: else -> skip
                fi;
                complete(edges, token, stores, answer)
#endif
            fi
        fi
    fi
}

inline complete(edges, token, stores, answer)
{
    if
    :: (bits | edges) == ALL ->
        own_edges = edges; own_token = token; own_is_live = true; answer = own;
#ifdef LAST_SETS_BITS
        bits = bits | edges
#endif
    :: else ->
        answer = not;
        if
        :: stores -> bits = bits | edges;
#ifndef SIGNAL_BEFORE_PUT
            stored = stored | edges
#endif
        :: else -> skip
        fi
    fi
}

/* Dies, if it may: the event is delivered again. */
#define MAY_CRASH \
    if \
    :: atomic { crashes > 0 -> crashes--; deliveries[event]++; at_work-- }; goto wait \
    :: skip \
    fi

/* One of the processes that serve an event. */
proctype executor(byte event; byte edges; byte token)
{
    mtype answer;
wait:
end:
    atomic { deliveries[event] > 0 -> deliveries[event]--; at_work++; answer = not };
#ifdef START_CLAIMED
    if
    :: atomic { claimed[event] -> at_work-- }; goto wait
    :: atomic { else -> claimed[event] = true }
    fi;
#endif
    MAY_CRASH;
    if /* a large value is asked for first (P4.8) */
    :: atomic { decide(edges, token, false, answer) }
    :: skip
    fi;
    MAY_CRASH;
    if
    :: answer == not -> atomic { decide(edges, token, true, answer) }
    :: else -> skip
    fi;
    MAY_CRASH;
    if
    :: answer == own ->
        assert((stored | edges) == ALL); /* P5.6: what the answer promises can be read */
#ifdef PASSED_EARLY
        passed = true;
        MAY_CRASH;
#endif
        committed = true; /* P4.11: the first to set it counts */
        MAY_CRASH;
        passed = true /* P4.9 */
    :: else ->
        skip
    fi;
    at_work--;
    goto wait
}

/* The lease of an owner ends, or an event is delivered once more: at any time. */
proctype world()
{
end:
    do
    :: atomic { own_edges != 0 && own_is_live -> own_is_live = false }
    :: atomic { duplicates > 0 -> duplicates--; deliveries[0]++ }
    :: atomic { duplicates > 0 -> duplicates--; deliveries[1]++ }
    :: atomic { duplicates > 0 -> duplicates--; deliveries[2]++ }
    od
}

/* P5.1: when all is done, the job has ended. */
proctype monitor()
{
end:
    atomic {
        deliveries[0] + deliveries[1] + deliveries[2] + at_work == 0 -> assert(committed)
    }
}

init
{
    atomic {
        deliveries[0] = 1; deliveries[1] = 1; deliveries[2] = 1;
        run executor(0, 3, 1); run executor(0, 3, 1);
        run executor(1, 2, 2); run executor(1, 2, 2);
        run executor(2, 4, 3); run executor(2, 4, 3);
        run world(); run monitor()
    }
}
