/* Strings, structs and nested arrays from C, and nonsense of the kind that is asked for. */
#include <wk.h>

WK_TASK(named)
{
    const int64_t kind = wk_take_int(&arguments);
    uint64_t *words = results;
    if (wk_give_text(context, &results, "gr\xc3\xbc\xc3\x9f", 6))
        return wk_failed(context);
    wk_give_f64(&results, 2.5);
    switch (kind) {
    case 1: /* cut within a character */
        words[1] = 3;
        return 0;
    case 2: /* longer than its block */
        words[1] = 100000;
        return 0;
    case 3:
        words[1] = UINT64_MAX;
        return 0;
    case 4:
        words[0] = (uintptr_t) "constant";
        return 0;
    default:
        return 0;
    }
}

/* Arrays of strings, of arrays and of tuples, whose elements share blocks. */
WK_TASK(lists)
{
    const int64_t kind = wk_take_int(&arguments), n = wk_take_int(&arguments);
    uint64_t *words = results;
    uint64_t *texts = wk_give_array(context, &results, 1, &n, 16);
    uint64_t *rows = wk_give_array(context, &results, 1, &n, 16);
    uint64_t *pairs = wk_give_array(context, &results, 1, &n, 32);
    char *pool = wk_alloc(context, (uint64_t)n + 8);
    double *numbers = wk_alloc(context, ((uint64_t)n + 1) * sizeof *numbers);
    if (!texts || !rows || !pairs || !pool || !numbers)
        return wk_failed(context);
    for (int64_t i = 0; i < n; i++) {
        pool[i] = (char)('a' + i % 26);
        numbers[i] = (double)i;
        texts[2 * i] = (uintptr_t)pool; /* all begin at one place */
        texts[2 * i + 1] = (uint64_t)i;
        rows[2 * i] = (uintptr_t)(numbers + i); /* and these overlap */
        rows[2 * i + 1] = (uint64_t)(n - i);
        pairs[4 * i] = (uint64_t)(i % 2);
        pairs[4 * i + 1] = (uintptr_t)pool;
        pairs[4 * i + 2] = 1;
        pairs[4 * i + 3] = (uint64_t)-i;
    }
    switch (kind) {
    case 1: /* an address that is none */
        texts[2] = 12345;
        return 0;
    case 2: /* past the end of a block */
        texts[3] = 1 << 20;
        return 0;
    case 3:
        rows[3] = (uint64_t)-1;
        return 0;
    case 4:
        rows[3] = UINT64_MAX / 16;
        return 0;
    case 5: /* between two elements */
        rows[2] += 4;
        rows[3] = 1;
        return 0;
    case 6: /* a truth value that is neither */
        pairs[4] = 2;
        return 0;
    case 7: /* no character */
        pool[0] = (char)0xff;
        return 0;
    case 8: /* the stack */
        rows[2] = (uintptr_t)&words;
        return 0;
    case 9: /* nothing, nowhere: no nonsense */
        rows[2] = rows[3] = 0;
        return 0;
    case 10: /* one table twice */
        words[2] = words[0];
        return 0;
    case 11: /* a block that is freed */
        wk_free(context, numbers);
        return 0;
    case 12:
        words[0] = 8;
        return 0;
    case 13: /* an argument */
        texts[2] = (uintptr_t)arguments;
        return 0;
    default:
        return 0;
    }
}
