/* Random names, and times as AWS writes them. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/hash.h"
#include "emulator/internal.h"

uint64_t clock_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t clock_epoch_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* The kernel's random bytes, asked for many at a time: a name is made for every request. */
uint64_t random_bits(void)
{
    static uint64_t pool[256];
    static size_t left;
    if (!left) {
        if (getrandom(pool, sizeof pool, 0) != sizeof pool)
            for (size_t i = 0; i < sizeof pool / sizeof pool[0]; i++)
                pool[i] = hash_mix(clock_now() + i);
        left = sizeof pool / sizeof pool[0];
    }
    return pool[--left];
}

void hexadecimal(char *text, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = '\0';
}

void identifier_uuid(char text[IDENTIFIER_TEXT])
{
    uint64_t words[2] = {random_bits(), random_bits()};
    unsigned char bytes[16];
    memcpy(bytes, words, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4: random */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char digits[33];
    hexadecimal(digits, bytes, sizeof bytes);
    static const unsigned char groups[] = {8, 4, 4, 4, 12};
    const char *from = digits;
    for (size_t i = 0; i < sizeof groups; i++) {
        memcpy(text, from, groups[i]);
        text += groups[i];
        from += groups[i];
        *text++ = '-';
    }
    text[-1] = '\0';
}

void time_text(char text[32])
{
    uint64_t now = clock_epoch_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, 32 - length, ".%03u+0000", (unsigned)(now % 1000));
}
