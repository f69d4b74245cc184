/* A task that returns nonsense of the kind that it is asked for. */
#include <stdlib.h>
#include <wk.h>

static double elsewhere[8];

WK_TASK(nonsense)
{
    const uint64_t kind = wk_take_uint(&arguments);
    struct wk_array given = wk_take_array(&arguments, 1);
    uint64_t *words = results;
    int64_t two = 2;
    double *x = wk_give_array(context, &results, 1, &two, sizeof *x);
    double *y = wk_give_array(context, &results, 1, &two, sizeof *y);
    uint8_t *b = wk_give_array(context, &results, 1, &two, sizeof *b);
    wk_give_int(&results, -1);
    wk_give_int(&results, 1);
    x[0] = x[1] = y[0] = y[1] = 1.5;
    b[0] = b[1] = 1;
    switch (kind) {
    case 1: /* an array that is not from wk_alloc */
        words[0] = (uintptr_t)elsewhere;
        return 0;
    case 2: /* an argument itself */
        words[0] = (uintptr_t)given.data;
        return 0;
    case 3: /* one block twice */
        words[2] = words[0];
        return 0;
    case 4: /* more elements than the block has */
        words[1] = 100000;
        return 0;
    case 5: /* a negative extent */
        words[1] = (uint64_t)-2;
        return 0;
    case 6: /* more than any memory holds */
        words[1] = INT64_MAX;
        return 0;
    case 7: /* an address that is none */
        words[0] = 12345;
        return 0;
    case 8: /* truth values that are neither */
        b[1] = 2;
        return 0;
    case 9: /* a scalar outside its type */
        words[6] = 200;
        return 0;
    case 10:
        words[7] = 2;
        return 0;
    case 11: /* a status from nowhere */
        return 77;
    case 12:
        return wk_failed(context);
    case 13: /* frees what is not its own */
        wk_free(context, elsewhere);
        return 0;
    case 14: /* an array that it freed */
        wk_free(context, x);
        return 0;
    case 15: /* the failure of an allocation is ignored */
        words[0] = (uintptr_t)wk_alloc(context, UINT64_MAX / 2);
        return 0;
    case 16: /* nothing given at all */
        words[0] = 0;
        return 0;
    case 17: /* an array of a caller's */
        words[0] = (uintptr_t)given.data - 8;
        return 0;
    default:
        return 0;
    }
}
