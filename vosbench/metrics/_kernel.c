/* The compiled twin of the NumPy code in counts.py, boundary.py and disks.py, which is the definition.
 *
 * Same method: masks as packed bits, 64 pixels per word; a whole grid is moved sideways as one string of
 * bits, and every row keeps a margin of zero bits that catches what leaves it. Here words are aligned with
 * the image: bit b of word w is column 64*w + b. Only buffers go in and out, so this needs no NumPy header
 * and one build serves all Python versions (stable ABI).
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The hot loops are compiled twice where the loader can choose: for any x86-64, and with AVX2 and popcnt. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#define POPCOUNT(x) ((int64_t)__builtin_popcountll(x))
#else
#define INLINE static inline
INLINE int64_t popcount(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int64_t)((x * 0x0101010101010101u) >> 56);
}
#define POPCOUNT(x) popcount(x)
#endif

enum { VERSION = 1, WORD = 64, LABELS = 256, COUNTS = 8, MAX_REACH = 63, MAX_ROWS = 129, BLOCK = 4 };

static const uint64_t ONES = 0x0101010101010101u;

typedef struct {
    const uint8_t *pixels;
    Py_ssize_t height, width, stride;
} Labels;

/* ---- label maps to bits ------------------------------------------------------------------------- */

INLINE uint64_t load(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

/* Whether any bit of 64 pixels differs from those of `same`; of 128 pixels if `two` is given. */
INLINE int differs(const uint8_t *one, const uint8_t *two, uint8_t same)
{
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8((char)same);
    __m128i other = _mm_setzero_si128();
    for (int i = 0; i < WORD; i += 16) {
        other = _mm_or_si128(other, _mm_xor_si128(_mm_loadu_si128((const __m128i *)(one + i)), wanted));
        if (two)
            other = _mm_or_si128(other, _mm_xor_si128(_mm_loadu_si128((const __m128i *)(two + i)), wanted));
    }
    return _mm_movemask_epi8(_mm_cmpeq_epi8(other, _mm_setzero_si128())) != 0xffff;
#else
    uint64_t other = 0;
    for (int i = 0; i < WORD; i += 8) {
        other |= load(one + i) ^ same * ONES;
        if (two)
            other |= load(two + i) ^ same * ONES;
    }
    return other != 0;
#endif
}

/* Bit i is set where pixel i of 64 has the value. */
INLINE uint64_t equal_to(const uint8_t *pixels, uint8_t value)
{
    uint64_t bits = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8((char)value);
    for (int i = 0; i < 4; i++) {
        const __m128i some = _mm_loadu_si128((const __m128i *)(pixels + 16 * i));
        const unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(some, wanted));
        bits |= (uint64_t)found << (16 * i);
    }
#else
    for (int i = 0; i < WORD; i++)
        bits |= (uint64_t)(pixels[i] == value) << i;
#endif
    return bits;
}

/* The 64 pixels from column 64*w on, zeros behind the last column. */
INLINE const uint8_t *block_of(const Labels *map, Py_ssize_t y, Py_ssize_t w, uint8_t *spare)
{
    const uint8_t *row = map->pixels + y * map->stride;
    const Py_ssize_t left = map->width - WORD * w;
    if (left >= WORD)
        return row + WORD * w;
    memset(spare, 0, WORD);
    memcpy(spare, row + WORD * w, (size_t)left);
    return spare;
}

/* Add up the values of `many` pixels. Runs of equal pixels are the rule, so whole blocks are looked at
 * first, then eight pixels at a time. */
INLINE void add_up(const uint8_t *pixels, Py_ssize_t many, int64_t *values)
{
    Py_ssize_t x = 0;
    if (many == WORD && !differs(pixels, NULL, pixels[0])) {
        values[pixels[0]] += WORD;
        return;
    }
    for (; x + 8 <= many; x += 8) {
        if (load(pixels + x) == pixels[x] * ONES)
            values[pixels[x]] += 8;
        else
            for (int i = 0; i < 8; i++)
                values[pixels[x + i]]++;
    }
    for (; x < many; x++)
        values[pixels[x]]++;
}

/* Mark the blocks of 64 columns in which either map is not 0, and add up the values of both maps. */
CLONES static void look_at(const Labels *pred, const Labels *truth, uint8_t *marks, int64_t *values)
{
    const Py_ssize_t words = (pred->width + WORD - 1) / WORD;
    uint8_t spare[2][WORD];
    int64_t empty = 0;
    for (Py_ssize_t y = 0; y < pred->height; y++)
        for (Py_ssize_t w = 0; w < words; w++) {
            const Py_ssize_t left = pred->width - WORD * w, many = left < WORD ? left : WORD;
            const uint8_t *p = block_of(pred, y, w, spare[0]), *t = block_of(truth, y, w, spare[1]);
            const int used = differs(p, t, 0);
            marks[y * words + w] = (uint8_t)used;
            if (used) {
                add_up(p, many, values);
                add_up(t, many, values + LABELS);
            } else {
                empty += many;
            }
        }
    values[0] += empty;
    values[LABELS] += empty;
}

/* Rows that have marks, and the row above for the boundary there. */
static int marked_rows(const uint8_t *marks, Py_ssize_t height, Py_ssize_t words, Py_ssize_t *top, Py_ssize_t *bottom)
{
    const uint8_t *first = memchr(marks, 1, (size_t)(height * words));
    if (first == NULL)
        return 0;
    *top = (first - marks) / words;
    if (*top > 0)
        --*top;
    *bottom = height;
    while (memchr(marks + (*bottom - 1) * words, 1, (size_t)words) == NULL)
        --*bottom;
    return 1;
}

typedef struct {
    Py_ssize_t top, bottom, first, last; /* rows and words, ends excluded */
} Box;

/* Bits of one object in both maps, rows top..bottom, and the box that holds them. */
CLONES static int extract(const Labels *pred, const Labels *truth, uint8_t value, Py_ssize_t words,
                          const uint8_t *marks, Py_ssize_t top, Py_ssize_t bottom, uint64_t *bits[2],
                          uint64_t *columns, Box *box)
{
    uint8_t spare[2][WORD];
    memset(columns, 0, (size_t)words * sizeof *columns);
    box->top = bottom;
    box->bottom = top;
    for (Py_ssize_t y = top; y < bottom; y++) {
        uint64_t used = 0;
        uint64_t *rows[2] = {bits[0] + (y - top) * words, bits[1] + (y - top) * words};
        for (Py_ssize_t w = 0; w < words; w++) {
            uint64_t p = 0, t = 0;
            if (marks[y * words + w]) {
                p = equal_to(block_of(pred, y, w, spare[0]), value);
                t = equal_to(block_of(truth, y, w, spare[1]), value);
            }
            rows[0][w] = p;
            rows[1][w] = t;
            used |= p | t;
            columns[w] |= p | t;
        }
        if (used) {
            if (box->top > y)
                box->top = y;
            box->bottom = y + 1;
        }
    }
    if (box->bottom <= box->top)
        return 0;
    box->first = 0;
    while (!columns[box->first])
        box->first++;
    box->last = words;
    while (!columns[box->last - 1])
        box->last--;
    /* Boundaries also lie one row above and one column to the left. */
    if (box->top > 0)
        box->top--;
    if (box->first > 0 && (columns[box->first] & 1))
        box->first--;
    return 1;
}

/* ---- boundaries --------------------------------------------------------------------------------- */

INLINE uint64_t left_by_one(const uint64_t *grid, Py_ssize_t i)
{
    return grid[i] >> 1 | grid[i + 1] << 63;
}

/* Boundary of a grid of `rows` rows of `words` words, the last of them margin. Behind the grid lie
 * words + 1 zeros. `corner` is the bit of the image's last column in word `edge`, or edge is -1. */
CLONES static void find_boundary(const uint64_t *grid, uint64_t *boundary, Py_ssize_t rows, Py_ssize_t words,
                                 int at_bottom, Py_ssize_t edge, uint64_t corner)
{
    const Py_ssize_t uniform = (at_bottom ? rows - 1 : rows) * words;
    for (Py_ssize_t i = 0; i < uniform; i++)
        boundary[i] = (grid[i] ^ left_by_one(grid, i)) | (grid[i] ^ grid[i + words]) |
                      (grid[i] ^ left_by_one(grid, i + words));
    for (Py_ssize_t i = uniform; i < rows * words; i++)
        boundary[i] = grid[i] ^ left_by_one(grid, i);
    for (Py_ssize_t y = 0; y < rows; y++) {
        const Py_ssize_t i = y * words;
        if (edge >= 0) {
            const uint64_t lower = at_bottom && y == rows - 1 ? grid[i + edge] : grid[i + words + edge];
            boundary[i + edge] = (boundary[i + edge] & ~corner) | ((grid[i + edge] ^ lower) & corner);
        }
        boundary[i + words - 1] = 0;
    }
}

/* ---- growing by a disk -------------------------------------------------------------------------- */

typedef struct {
    const int16_t *level; /* of a plan, see disks.py */
    const int16_t *end;
} Plan;

/* out = both neighbours `by` columns away, and the grid itself if `three`. */
CLONES static void widen(const uint64_t *in, uint64_t *out, Py_ssize_t size, int by, int three)
{
    const uint64_t own = three ? ~(uint64_t)0 : 0;
    for (Py_ssize_t i = 0; i < size; i++)
        out[i] = in[i] << by | in[i - 1] >> (WORD - by) | in[i] >> by | in[i + 1] << (WORD - by) | (in[i] & own);
}

/* out = the grid moved to the right by -63..63 columns, and the grid itself if `both`. */
CLONES static void move(const uint64_t *in, uint64_t *out, Py_ssize_t size, int by, int both)
{
    const uint64_t own = both ? ~(uint64_t)0 : 0;
    if (by > 0)
        for (Py_ssize_t i = 0; i < size; i++)
            out[i] = in[i] << by | in[i - 1] >> (WORD - by) | (in[i] & own);
    else
        for (Py_ssize_t i = 0; i < size; i++)
            out[i] = in[i] >> -by | in[i + 1] << (WORD + by) | (in[i] & own);
}

/* How many set bits of `wanted` lie in any of the `many` grids. */
CLONES static int64_t count_met(const uint64_t *wanted, const uint64_t *const *grids, int many, Py_ssize_t size)
{
    int64_t met = 0;
    for (Py_ssize_t i = 0; i < size; i += BLOCK) {
        uint64_t open[BLOCK], all = 0;
        for (int j = 0; j < BLOCK; j++)
            all |= open[j] = wanted[i + j];
        if (!all)
            continue;
        /* Near rows come first, and most boundaries match there. */
        for (int k = 0; k < many && all; k += 2) {
            const uint64_t *one = grids[k] + i, *two = grids[k + 1 < many ? k + 1 : k] + i;
            all = 0;
            for (int j = 0; j < BLOCK; j++)
                all |= open[j] &= ~(one[j] | two[j]);
        }
        for (int j = 0; j < BLOCK; j++)
            met += POPCOUNT(wanted[i + j] & ~open[j]);
    }
    return met;
}

typedef struct {
    uint64_t *memory;
    size_t size; /* words */
} Arena;

static uint64_t *need(Arena *arena, size_t words)
{
    if (arena->size < words) {
        free(arena->memory);
        arena->size = words + words / 2;
        arena->memory = malloc(arena->size * sizeof(uint64_t));
        if (arena->memory == NULL)
            arena->size = 0;
    }
    return arena->memory;
}

/* Bits of `wanted` that lie in `grid` grown by the disk. `slots` holds the plan's patterns, each of
 * `room` words with `pad` zeros in front. */
static int64_t count_matched(const uint64_t *grid, const uint64_t *wanted, Py_ssize_t rows, Py_ssize_t words,
                             Plan plan, uint64_t *slots, Py_ssize_t room, Py_ssize_t pad)
{
    const Py_ssize_t size = rows * words, padded = (size + BLOCK - 1) / BLOCK * BLOCK;
    const uint64_t *row = grid, *at[MAX_ROWS];
    int16_t away[MAX_ROWS];
    int many = 0;
    Py_ssize_t slot = 0;
    const int16_t *p = plan.level;
    while (p < plan.end) {
        for (int steps = *p++; steps > 0; steps--, p += 2) {
            uint64_t *out = slots + room * slot++ + pad;
            /* The word in front of the grid keeps what waits to come back. */
            widen(row - 1, out - 1, size + 1, p[0], p[1]);
            memset(out + size, 0, (size_t)(room - pad - size) * sizeof *out);
            row = out;
        }
        const uint64_t *pattern = row;
        const int even = *p++, shift = *p++;
        if (even) {
            uint64_t *out = slots + room * slot++ + pad;
            move(pattern - 1, out - 1, size + 1, 1, 1);
            memset(out + size, 0, (size_t)(room - pad - size) * sizeof *out);
            pattern = out;
        }
        if (shift) {
            uint64_t *out = slots + room * slot++ + pad;
            move(pattern - 1, out - 1, size + 1, shift, 0);
            memset(out + size, 0, (size_t)(room - pad - size) * sizeof *out);
            pattern = out;
        }
        for (int offsets = *p++; offsets > 0; offsets--) {
            const int16_t offset = *p++;
            if (offset >= rows || -offset >= rows)
                continue;
            int k = many++;
            for (; k > 0 && abs(away[k - 1]) > abs(offset); k--) {
                at[k] = at[k - 1];
                away[k] = away[k - 1];
            }
            at[k] = pattern - offset * words;
            away[k] = offset;
        }
    }
    return count_met(wanted, at, many, padded);
}

/* Patterns, farthest row and number of rows of a plan; 0 where it is none. */
static int measure(Plan plan, int *slots, int *farthest)
{
    const int16_t *p = plan.level;
    int rows = 0, reach = 0;
    *slots = *farthest = 0;
    while (p < plan.end) {
        const int steps = *p++;
        if (steps < 0 || plan.end - p < 2 * steps + 3)
            return 0;
        for (int i = 0; i < steps; i++, p += 2) {
            if (p[0] < 1 || p[0] > MAX_REACH)
                return 0;
            reach += p[0];
        }
        *slots += steps + (p[0] != 0) + (p[1] != 0);
        if (reach + 1 + abs(p[1]) > MAX_REACH)
            return 0;
        p += 2;
        const int offsets = *p++;
        if (offsets < 0 || plan.end - p < offsets)
            return 0;
        rows += offsets;
        for (int i = 0; i < offsets; i++, p++)
            if (abs(*p) > *farthest)
                *farthest = abs(*p);
    }
    return rows <= MAX_ROWS;
}

/* ---- one object --------------------------------------------------------------------------------- */

CLONES static void count_areas(const uint64_t *pred, const uint64_t *truth, const uint64_t *pred_boundary,
                               const uint64_t *truth_boundary, Py_ssize_t size, int64_t *counts)
{
    int64_t both = 0, either = 0, one = 0, two = 0, predicted = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        both += POPCOUNT(pred[i] & truth[i]);
        either += POPCOUNT(pred[i] | truth[i]);
        one += POPCOUNT(pred_boundary[i]);
        two += POPCOUNT(truth_boundary[i]);
        predicted += POPCOUNT(pred[i]);
    }
    counts[0] = both;
    counts[1] = either;
    counts[2] = one;
    counts[3] = two;
    counts[6] = predicted;
    counts[7] = both + either - predicted;
}

/* Counts of one object from its bits; returns 0 for lack of memory. */
static int count_object(const Labels *image, uint64_t *const bits[2], Py_ssize_t top, Py_ssize_t stride,
                        Box box, Plan plan, int slots, int farthest, Arena *arena, int64_t *counts)
{
    const Py_ssize_t rows = box.bottom - box.top, data = box.last - box.first, words = data + 1;
    const Py_ssize_t size = rows * words;
    const Py_ssize_t pad = farthest * words + 2, room = pad + size + farthest * words + words + 2 + BLOCK;
    uint64_t *memory = need(arena, (size_t)room * (size_t)(4 + slots));
    if (memory == NULL)
        return 0;
    uint64_t *grid[2], *boundary[2];
    for (int k = 0; k < 2; k++) {
        grid[k] = memory + room * (2 * k) + pad;
        boundary[k] = memory + room * (2 * k + 1) + pad;
        for (Py_ssize_t y = 0; y < rows; y++) {
            const uint64_t *from = bits[k] + (box.top - top + y) * stride + box.first;
            memcpy(grid[k] + y * words, from, (size_t)data * sizeof *from);
            grid[k][y * words + data] = 0;
        }
        memset(grid[k] + size, 0, (size_t)(words + 1) * sizeof(uint64_t));
        const Py_ssize_t last = image->width - 1, edge = last / WORD;
        find_boundary(grid[k], boundary[k], rows, words, box.bottom == image->height,
                      edge < box.last ? edge - box.first : -1, (uint64_t)1 << last % WORD);
        memset(boundary[k] - pad, 0, (size_t)pad * sizeof(uint64_t));
        memset(boundary[k] + size, 0, (size_t)(room - pad - size) * sizeof(uint64_t));
    }
    count_areas(grid[0], grid[1], boundary[0], boundary[1], size, counts);
    uint64_t *patterns = memory + room * 4;
    for (int slot = 0; slot < slots; slot++)
        memset(patterns + room * slot, 0, (size_t)pad * sizeof(uint64_t));
    counts[4] = counts[2] && counts[3]
                    ? count_matched(boundary[1], boundary[0], rows, words, plan, patterns, room, pad)
                    : 0;
    counts[5] = counts[2] && counts[3]
                    ? count_matched(boundary[0], boundary[1], rows, words, plan, patterns, room, pad)
                    : 0;
    return 1;
}

/* ---- Python ------------------------------------------------------------------------------------- */

/* Take a 2-D uint8 buffer whose rows are contiguous. */
static int take_labels(PyObject *object, Py_buffer *view, Labels *map)
{
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES) < 0)
        return -1;
    if (view->ndim != 2 || view->itemsize != 1 || (view->shape[1] > 1 && view->strides[1] != 1) ||
        view->shape[0] < 1 || view->shape[1] < 1) {
        PyBuffer_Release(view);
        PyErr_SetString(PyExc_ValueError, "a label map must be 2-D uint8 with contiguous rows");
        return -1;
    }
    map->pixels = view->buf;
    map->height = view->shape[0];
    map->width = view->shape[1];
    map->stride = view->strides[0];
    return 0;
}

static int count_all(const Labels *pred, const Labels *truth, const uint8_t *marks, const uint8_t *ids,
                     Py_ssize_t objects, Plan plan, int slots, int farthest, int64_t *counts)
{
    const Py_ssize_t words = (pred->width + WORD - 1) / WORD;
    Py_ssize_t top, bottom;
    memset(counts, 0, (size_t)objects * COUNTS * sizeof *counts);
    if (!marked_rows(marks, pred->height, words, &top, &bottom))
        return 1;
    const Py_ssize_t size = (bottom - top) * words;
    uint64_t *memory = malloc((size_t)(2 * size + words) * sizeof *memory);
    Arena arena = {NULL, 0};
    int enough = memory != NULL;
    for (Py_ssize_t k = 0; enough && k < objects; k++) {
        uint64_t *bits[2] = {memory, memory + size};
        Box box;
        if (extract(pred, truth, ids[k], words, marks, top, bottom, bits, memory + 2 * size, &box))
            enough = count_object(pred, bits, top, words, box, plan, slots, farthest, &arena, counts + COUNTS * k);
    }
    free(arena.memory);
    free(memory);
    return enough;
}

enum { MOST_BUFFERS = 6 };

/* The buffers of a call: two label maps, then `count - 2` others. */
typedef struct {
    Py_buffer views[MOST_BUFFERS];
    Labels pred, truth;
    int held;
} Call;

static void let_go(Call *call)
{
    while (call->held > 0)
        PyBuffer_Release(&call->views[--call->held]);
}

/* Take the arguments of a call; `writable` tells by bits which are written to. */
static int take(Call *call, PyObject *const *args, Py_ssize_t given, int count, unsigned writable)
{
    call->held = 0;
    if (given != count) {
        PyErr_Format(PyExc_TypeError, "%d arguments are needed", count);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        Py_buffer *view = &call->views[i];
        int failed;
        if (i < 2)
            failed = take_labels(args[i], view, i ? &call->truth : &call->pred);
        else
            failed = PyObject_GetBuffer(args[i], view, writable >> i & 1 ? PyBUF_WRITABLE : PyBUF_SIMPLE);
        if (failed < 0) {
            let_go(call);
            return 0;
        }
        call->held = i + 1;
    }
    if (call->pred.height == call->truth.height && call->pred.width == call->truth.width)
        return 1;
    PyErr_SetString(PyExc_ValueError, "the label maps differ in size");
    let_go(call);
    return 0;
}

static PyObject *finish(Call *call, int fine)
{
    let_go(call);
    if (!fine)
        return NULL;
    Py_INCREF(Py_None);
    return Py_None;
}

static Py_ssize_t blocks_of(const Labels *map)
{
    return map->height * ((map->width + WORD - 1) / WORD);
}

static PyObject *kernel_look(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    Call call;
    (void)self;
    if (!take(&call, args, given, 4, 1u << 2 | 1u << 3))
        return NULL;
    const int fits = call.views[2].len == blocks_of(&call.pred) &&
                     call.views[3].len == 2 * LABELS * (Py_ssize_t)sizeof(int64_t);
    if (fits) {
        memset(call.views[3].buf, 0, (size_t)call.views[3].len);
        look_at(&call.pred, &call.truth, call.views[2].buf, call.views[3].buf);
    } else {
        PyErr_SetString(PyExc_ValueError, "marks or values have another size");
    }
    return finish(&call, fits);
}

static PyObject *kernel_count(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    Call call;
    int slots, farthest;
    (void)self;
    if (!take(&call, args, given, 6, 1u << 5))
        return NULL;
    const uint8_t *marks = call.views[2].buf, *ids = call.views[3].buf;
    const Py_ssize_t objects = call.views[3].len;
    const int16_t *start = call.views[4].buf;
    const Plan plan = {start, start + call.views[4].len / (Py_ssize_t)sizeof *start};
    int fine = call.views[2].len == blocks_of(&call.pred) && !memchr(ids, 0, (size_t)objects) &&
               call.views[5].len == objects * (Py_ssize_t)(COUNTS * sizeof(int64_t)) &&
               measure(plan, &slots, &farthest);
    if (!fine) {
        PyErr_SetString(PyExc_ValueError, "marks, ids, plan and counts do not fit together");
    } else if (!count_all(&call.pred, &call.truth, marks, ids, objects, plan, slots, farthest, call.views[5].buf)) {
        PyErr_NoMemory();
        fine = 0;
    }
    return finish(&call, fine);
}

static PyMethodDef METHODS[] = {
    {"look", (PyCFunction)(void (*)(void))kernel_look, METH_FASTCALL,
     "look(prediction, truth, marks, values): which blocks are used, and the pixels of each value."},
    {"count", (PyCFunction)(void (*)(void))kernel_count, METH_FASTCALL,
     "count(prediction, truth, marks, ids, plan, counts): six counts and both areas per object."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "VERSION", VERSION);
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_kernel", "Pixel counts, compiled.", 0, METHODS, SLOTS, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&MODULE);
}
