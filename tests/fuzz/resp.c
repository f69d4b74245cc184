/* Replies of RESP from any bytes: whatever comes, whole or cut at any place, must be read, refused
 * or waited for, with no access outside; and a reply that is cut is never taken for another. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every byte that a reply says it has. */
static uint64_t touch(const struct resp_reader *reader, const struct resp *reply)
{
    uint64_t sum = (uint64_t)reply->integer;
    for (size_t i = 0; i < reply->length; i++)
        sum += (unsigned char)reply->text[i];
    for (uint32_t i = 0; reply->type == RESP_ARRAY && i < reply->count; i++)
        sum += touch(reader, resp_item(reader, reply, i));
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_reader reader = {0};
    size_t used = 0, cut_used, bulk;
    char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    enum resp_outcome outcome = resp_read(&reader, copy, size, &used);
    if (outcome == RESP_READ) {
        touch(&reader, reader.nodes.items);
        for (size_t cut = 0; cut < used; cut += 1 + used / 64) {
            char *part = malloc(cut ? cut : 1);
            memcpy(part, copy, cut);
            if (resp_read(&reader, part, cut, &cut_used) != RESP_INCOMPLETE)
                bug("a reply of %zu bytes, cut after %zu, is not incomplete", used, cut);
            free(part);
        }
    }
    resp_read_bulk_head(copy, size, &used, &bulk);
    resp_release(&reader);
    free(copy);
    return 0;
}
