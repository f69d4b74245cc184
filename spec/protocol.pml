/*
 * The execution protocol as a model for spin: the rules of spec/protocol.md, and executors that are
 * killed, repeated, frozen and late in every way that P10 lists. tests/protocol.py checks each of
 * the jobs below exhaustively, and that spin refutes each of the mistakes.
 *
 * Jobs (-DJOB, one of):
 *     FAN_IN    a, b, c -> X, the sink. A lineage and its duplicate hold a and b, another b alone.
 *     ROW       a, b -> X; X, d -> Y, the sink. Two lineages begin at a.
 *     HAND_OFF  the same, one lineage at a; the joins that it owns are run by it or invoked.
 *     WAITS     as FAN_IN, with values too large to travel inline; two lineages begin at a.
 *     SWEEP     as HAND_OFF, but events are lost instead of run again, and the client sweeps.
 * With -DCURE beside FAN_IN or ROW the client sweeps when all is silent, as in SWEEP.
 * With -DNO_FAULTS nothing goes wrong, and nothing must be wasted (P5.3).
 *
 * Time. There is no clock: a lease, a wait or a patience may run out whenever somebody looks at it.
 * That covers every speed, and executors that freeze and wake up.
 *
 * Steps. What is atomic here is one step on one record of the store, with what the executor does
 * until its next step: what goes on inside an executor is seen by nobody. A step has its effect,
 * and then its reply arrives, or is lost, or the executor is dead. To die later, before the next
 * step, is the same as to die now and be run again later; so there is no other place to die.
 *
 * Crashes, lost replies and expired leases are not counted: any number of them may happen. So P5.1
 * reads: when every event has had a run that succeeded, the job is committed; otherwise the client
 * waits in what spin calls an invalid end state. So does who waits without a deadline (P5.4).
 */

#if defined(ROW) || defined(HAND_OFF) || defined(SWEEP)
#define TWO_JOINS
#endif

#ifdef NO_FAULTS
#define FAULTS false
#else
#define FAULTS true
#endif

/* ---- The plan -------------------------------------------------------------------------------- */

#define X 0
#define Y 1

/* The edges of X, as a set ... */
#define A 1
#define B 2
#define C 4
/* ... and of Y. */
#define FROM_X 1
#define D 2

#ifdef TWO_JOINS
#define SINK Y
#define ALL(f) 3
#else
#define SINK X
#define ALL(f) 7
#endif

/* Of values that large, a is the largest, and b as large as c: then the higher edge is before. */
#define LARGER_THAN(edge) (edge == A -> 0 : (edge == C -> A : A | C))

/* ---- The store ------------------------------------------------------------------------------- */

typedef record {
    byte bits;       /* edges whose values are stored: so they say, and P5.6 checks it */
    byte edges;      /* of the owner; 0: nobody, or cleared */
    byte token;      /* of the owner, kept when it is cleared; 0: never owned */
    bool live;       /* the owner's lease has not run out */
    bool taken_over; /* it has had owners of different lineages */
    bool passed;
    byte waits;      /* edges whose holders have asked, and wait */
    byte stored;     /* V: edges whose values can be read */
#ifdef COUNTER
    byte count;
#endif
};
record join[2];

bool committed;      /* G */
byte commits;        /* how often G was set */
#ifdef NO_FAULTS
byte runs[2];        /* of X and Y */
#endif

mtype = { OWN, STOP, NOT };

#define J join[f]
#define IS_COMPLETE ((J.bits | edges) == ALL(f))
#ifdef COUNTER
#undef IS_COMPLETE
#define COUNT(set) ((set & 1) + ((set >> 1) & 1) + ((set >> 2) & 1))
#define IS_COMPLETE (J.count + COUNT(edges) >= COUNT(ALL(f)))
#endif
#ifdef PART_OF_MASK
#undef IS_COMPLETE
#define IS_COMPLETE (((J.bits | edges) & (ALL(f) >> 1)) == (ALL(f) >> 1))
#endif

#ifdef RECOVERY_DEFERS
#define DEFERS true
#else
#define DEFERS !recovers
#endif
#ifdef WANTED_PASSED
#define OBEYS_PASSED true
#else
#define OBEYS_PASSED !wanted
#endif

/* P3.5. P5.6: the owner can read what it does not hold. */
inline own() {
    J.taken_over = J.taken_over || (J.token != 0 && J.token != token);
    J.edges = edges;
    J.token = token;
    J.live = true;
#ifdef LAST_SETS_BITS
    J.bits = J.bits | edges;
#endif
    assert((J.bits & ~J.stored) == 0);
    assert((J.stored | edges) == ALL(f));
    answer = OWN
}

/* Rules P3.1 to P3.5 for an arrival with `edges`, `token`, `recovers` and `wanted` at record f. */
inline decide() {
    if /* whether a lease has run out matters only to those whom it would stop */
    :: FAULTS && J.live && J.token != token && !recovers -> J.live = false
    :: true
    fi;
    d_step {
        answer = NOT;
        if
        :: J.edges != 0 && (J.edges & edges) == 0 -> answer = STOP /* P3.1 */
        :: J.edges & edges ->
            if
            :: J.live && J.token != token && DEFERS -> answer = STOP /* P3.2 */
            :: else
            fi
        :: J.edges == 0
        fi;
        if
        :: answer == NOT && J.passed && OBEYS_PASSED -> answer = STOP /* P3.3 */
        :: else
        fi;
        if
#ifdef EXPIRED_REPLACED
        :: answer == NOT && J.edges != 0 -> own()
#else
        :: answer == NOT && J.edges != 0 && !IS_COMPLETE -> J.edges = 0 /* P3.4 */
#endif
        :: else
        fi;
        if
        :: answer == NOT && IS_COMPLETE -> own() /* P3.5 */
        :: else
        fi
    }
}

/* P3.6. P5.6: a bit says that the value is stored. */
inline arrive() {
    decide();
    if
    :: answer == NOT ->
#ifndef WAITS
        J.stored = J.stored | edges; /* small values come with the arrival */
#endif
        J.bits = J.bits | edges;
        J.waits = J.waits & ~edges;
#ifdef COUNTER
        J.count = J.count + COUNT(edges);
#endif
        assert((J.bits & ~J.stored) == 0)
    :: else
    fi
}

/* P3.6: a wait is registered. Of larger holders some may be dead, and their time over. */
inline ask() {
    decide();
    if
    :: answer == NOT ->
        J.waits = J.waits | edges;
        if
        :: FAULTS -> J.waits = J.waits & ~LARGER_THAN(edges)
        :: true
        fi
    :: else
    fi
}

/* P4.11: the first to set it counts. */
inline commit() {
    if
#ifdef COMMITTED_AGAIN
    :: true ->
#else
    :: !committed ->
#endif
        committed = true;
        commits++
    :: else
    fi;
    assert(commits == 1) /* P5.2 */
}

/* ---- Executors ------------------------------------------------------------------------------- */

/* Events in the platform's queue: a run takes one off, and brings it back when it dies. */
#define EVENTS 13
bool sent[EVENTS];
bool sent_recovers[EVENTS]; /* its payload says so */
#ifdef START_CLAIMED
bool claimed[EVENTS];
#endif

#ifdef LATE_REQUEST
byte late_edges, late_f, late_token;
bool late_recovers;
#endif

/* The event that starts the owned join f as the lineage of token 1 (P4.6, P4.12). */
#define EVENT_OF_JOIN(f) (11 + f)
#ifdef SWEEP
#define HANDS_OFF(f) (event == 1 && f == Y)
#elif defined(HAND_OFF)
#define HANDS_OFF(f) (event == 1)
#else
#define HANDS_OFF(f) false
#endif

mtype = { START, ASK, WAIT, PUT, ARRIVE, RUN, COMMIT, END };

inline forget() {
    recovers = false; stopped = false; ran[X] = false; ran[Y] = false;
    f = 0; edges = 0; rest = 0; answer = NOT
}

/* The executor dies. Its event is run again, with the same token, until a run succeeds (P5.1);
 * or it is lost with its first run. */
inline die() {
    forget();
#ifdef OWNER_IS_PROCESS
    token = token ^ 16;
#endif
    step = START;
    sent[event] = sent[event] || !is_lost
}

/* The answer arrives, or it is lost, and the same is sent again (P4), or there is nobody left. */
#define REPLY true
#define LOST may_crash
#define DEAD may_crash

#ifdef STORED_AT_ONCE
#define FIRST_STEP PUT
#elif defined(WAITS)
#define FIRST_STEP ASK
#else
#define FIRST_STEP ARRIVE
#endif

inline go_on() {
    if
    :: rest != 0 -> f = X; edges = rest; rest = 0; step = FIRST_STEP
    :: else -> step = END
    fi
}

inline take_answer() {
    recovers = recovers || (answer == OWN && J.taken_over); /* P2.4 */
    stopped = stopped || answer == STOP; /* P4.8 */
    assert(FAULTS || answer != STOP) /* P5.3 */
}

/*
 * All runs of an event. With `start_edges` it begins at what leads to these edges of X, or to D;
 * with 0 at the join `start`, which its token owns. A duplicate is another event with the same
 * token, which may be lost, since the first is not.
 */
proctype lineage(byte event, token, start, start_edges; bool wanted, may_crash, is_lost) {
    byte f, edges, rest; /* at record f with these edges; with the rest later */
    bool recovers, stopped;
    bool ran[2];
    mtype answer = NOT;
    mtype step = START;

end: do
    :: atomic { step == START && sent[event] && is_lost -> sent[event] = false }
    :: atomic { step == START && sent[event] -> /* P4.1: nothing is claimed */
        sent[event] = false;
        recovers = sent_recovers[event];
        f = start;
        edges = start_edges;
        step = FIRST_STEP;
        if
        :: edges == 0 -> step = RUN
        :: edges == (A | B) -> edges = A; rest = B /* P4.5: one arrival too many does no harm */
        :: edges != 0
        fi
#ifdef START_CLAIMED
        ;
        if
        :: claimed[event] -> step = END
        :: else ->
            claimed[event] = true;
            if
            :: REPLY
            :: DEAD -> die()
            fi
        fi
#endif
    }
#ifdef WAITS
    :: atomic { step == ASK -> /* P4.7 */
        ask();
        if
        :: REPLY ->
            take_answer();
            if
            :: answer == OWN -> step = RUN
            :: answer == STOP -> step = END
            :: answer == NOT && (J.waits & LARGER_THAN(edges)) == 0 -> step = WAIT
#ifdef BOTH_WAIT
            :: answer == NOT && (J.waits & LARGER_THAN(edges)) != 0 -> step = WAIT
#else
            :: answer == NOT && (J.waits & LARGER_THAN(edges)) != 0 -> step = PUT
#endif
            fi
        :: LOST
        :: DEAD -> die()
        fi;
        answer = NOT
    }
    :: atomic { step == WAIT -> /* until an answer could be another, or patience is over (P5.4) */
        if
        :: IS_COMPLETE || J.edges != 0 -> step = ASK
#ifdef BOTH_WAIT
        :: (J.waits & ~edges) == 0 -> step = PUT
#else
        :: J.waits & LARGER_THAN(edges) -> step = ASK
        :: FAULTS -> step = PUT
#endif
        fi
    }
    :: atomic { step == PUT ->
#ifndef SIGNAL_BEFORE_PUT
        J.stored = J.stored | edges;
#endif
        if
        :: REPLY -> step = ARRIVE
        :: DEAD -> die()
        fi
    }
#endif
    :: atomic { step == ARRIVE ->
        arrive();
        if
        :: REPLY ->
            take_answer();
            if
            :: answer == OWN -> step = RUN
            :: else -> go_on()
            fi
        :: LOST
#ifdef LATE_REQUEST
            ;
            if
            :: late_token == 0 && token == 1 -> /* one is enough; 2 is as 1 */
                late_edges = edges; late_f = f; late_token = token; late_recovers = recovers
            :: true
            fi
#endif
        :: DEAD -> die()
        fi;
        answer = NOT
    }
#ifdef TWO_JOINS
    :: atomic { step == RUN && HANDS_OFF(f) -> /* P4.6: or have it invoked */
        sent_recovers[EVENT_OF_JOIN(f)] = recovers;
        sent[EVENT_OF_JOIN(f)] = true;
        if
        :: REPLY -> go_on()
        :: LOST
        :: DEAD -> die()
        fi
    }
#endif
    :: atomic { step == RUN -> /* P4.6: its value is held, or it is the result */
        ran[f] = true;
#ifdef NO_FAULTS
        runs[f]++;
        assert(runs[f] == 1); /* P5.3 */
#endif
        if
        :: f == SINK -> step = COMMIT
        :: else -> f = Y; edges = FROM_X; step = ARRIVE
        fi
#ifdef PASSED_EARLY
        ;
        join[X].passed = join[X].passed || ran[X];
        if
        :: REPLY
        :: DEAD -> die()
        fi
#endif
    }
    :: atomic { step == COMMIT ->
        commit();
        assert(FAULTS || (J.stored & J.edges) == 0); /* P5.3: who comes last stores nothing */
        if
        :: REPLY -> go_on()
        :: DEAD -> die()
        fi
    }
    :: atomic { step == END -> /* P4.9: all is handed on. The mark may be lost */
        if
#ifdef STOPPED_MARKS_PASSED
        :: !wanted ->
#else
        :: !wanted && !stopped ->
#endif
            join[X].passed = join[X].passed || ran[X];
            join[Y].passed = join[Y].passed || ran[Y]
        :: FAULTS
        :: !FAULTS && stopped
        fi;
        if
        :: REPLY -> forget(); step = START
        :: DEAD -> die()
        fi
    }
    od
}

#ifdef LATE_REQUEST
/* A request that was repeated has its effect in the end, when nobody waits for it any more. */
active proctype network() {
    byte f, edges, token;
    bool recovers, wanted;
    mtype answer;
end:
    atomic { late_edges != 0 ->
        f = late_f; edges = late_edges; token = late_token; recovers = late_recovers;
        arrive()
    }
}
#endif

/* ---- The jobs -------------------------------------------------------------------------------- */

/* To see what sweeps do for those who wait for each other, the others need not die. */
#ifdef CURE
#define CAN_CRASH(token) (FAULTS && token < 3)
#else
#define CAN_CRASH(token) FAULTS
#endif

#define INVOKE(event, token, start, edges, is_lost) \
    sent[event] = true; \
    run lineage(event, token, start, edges, false, CAN_CRASH(token), is_lost)

#ifdef SWEEP
#define GET_LOST true
#else
#define GET_LOST false
#endif
#ifdef DUPLICATE_LOST
#define DUPLICATES_ARE_LOST true
#else
#define DUPLICATES_ARE_LOST false
#endif

#if defined(SWEEP) || defined(CURE)
/* A run from each source whose edge is missing on the way back from the sink; what it wants is all
 * that lies between. */
#define SWEEP_FROM(event, start, edges, is_missing, may_crash) \
    if \
    :: is_missing -> \
        sent[event] = true; run lineage(event, event, start, edges, true, may_crash, may_crash) \
    :: else \
    fi
#ifdef OWNERS_NEVER_DIE
#define IS_MISSING(f, edge) ((join[f].bits & edge) == 0 && join[f].edges == 0)
#else
#define IS_MISSING(f, edge) ((join[f].bits & edge) == 0)
#endif
inline sweep(first, may_crash) {
#ifdef FAN_IN
    SWEEP_FROM(first, X, A | B, IS_MISSING(X, A) || IS_MISSING(X, B), may_crash);
    SWEEP_FROM(first + 1, X, C, IS_MISSING(X, C), may_crash)
#else
    SWEEP_FROM(first, X, A, IS_MISSING(Y, FROM_X) && IS_MISSING(X, A), may_crash);
    SWEEP_FROM(first + 1, X, B, IS_MISSING(Y, FROM_X) && IS_MISSING(X, B), may_crash);
    SWEEP_FROM(first + 2, Y, D, IS_MISSING(Y, D), may_crash)
#endif
}
#endif

/* P5.1: the job is committed, whatever happens. */
active proctype client() {
    atomic {
#ifdef FAN_IN
        INVOKE(1, 1, X, A | B, false);
        INVOKE(4, 4, X, C, false);
#ifndef NO_FAULTS
        INVOKE(2, 1, X, A | B, DUPLICATES_ARE_LOST);
        INVOKE(3, 3, X, B, false);
#endif
#endif
#ifdef WAITS
        INVOKE(1, 1, X, A, false);
        INVOKE(3, 3, X, B, false);
        INVOKE(4, 4, X, C, false);
#ifndef NO_FAULTS
        INVOKE(2, 2, X, A, false);
#endif
#endif
#ifdef TWO_JOINS
        INVOKE(1, 1, X, A, GET_LOST);
#if defined(ROW) && !defined(NO_FAULTS)
        INVOKE(2, 2, X, A, false);
#endif
        INVOKE(3, 3, X, B, GET_LOST);
        INVOKE(4, 4, Y, D, GET_LOST);
#ifdef HAND_OFF
        run lineage(EVENT_OF_JOIN(X), 1, X, 0, false, FAULTS, GET_LOST);
#endif
#ifndef ROW
        run lineage(EVENT_OF_JOIN(Y), 1, Y, 0, false, FAULTS, GET_LOST)
#endif
#endif
    }
#if defined(SWEEP) && !defined(NOBODY_SWEEPS)
    atomic {
        if
        :: !committed -> SWEEP_FROM(5, X, A, IS_MISSING(X, A), true) /* in vain, or too early */
        :: committed
        fi
    }
#endif
#if defined(CURE) || (defined(SWEEP) && !defined(NOBODY_SWEEPS))
    if
    :: timeout -> atomic { join[X].live = false; join[Y].live = false; sweep(8, false) }
    :: committed
    fi;
#endif
    committed
}
