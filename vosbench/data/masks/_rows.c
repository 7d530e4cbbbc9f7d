/* Undoing the row filters of PNG files with one byte per pixel or less (PNG specification, section 9), and
 * taking every non-zero value for object 1.
 *
 * Masks are large areas of one value, so their differences are mostly zeros. Where 64 or 8 differences in a
 * row are zeros, the pixels follow from the neighbours without going through them one by one. Only buffers go
 * in and out, so this needs no NumPy header and one build serves all Python versions (stable ABI).
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Loops without branches are compiled twice where the loader can choose: for any x86-64, and with AVX2. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { VERSION = 1, BLOCK = 64, WORD = 8 };
enum { NONE, SUB, UP, AVERAGE, PAETH };

static const uint64_t ONES = 0x0101010101010101u;

INLINE uint64_t load(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, WORD);
    return word;
}

INLINE void store(uint8_t *to, uint64_t word)
{
    memcpy(to, &word, WORD);
}

INLINE int block_is_zero(const uint8_t *from)
{
    uint64_t any = 0;
    for (int i = 0; i < BLOCK; i += WORD)
        any |= load(from + i);
    return any == 0;
}

INLINE uint8_t nearest(int left, int above, int corner)
{
    const int to_left = abs(above - corner), to_above = abs(left - corner), to_corner = abs(left + above - 2 * corner);
    if (to_left <= to_above && to_left <= to_corner)
        return (uint8_t)left;
    return (uint8_t)(to_above <= to_corner ? above : corner);
}

static void undo_sub(const uint8_t *in, uint8_t *out, Py_ssize_t size)
{
    uint8_t left = 0;
    Py_ssize_t x = 0;
    while (x < size) {
        if (x + BLOCK <= size && block_is_zero(in + x)) {
            memset(out + x, left, BLOCK);
            x += BLOCK;
        } else if (x + WORD <= size && load(in + x) == 0) {
            store(out + x, left * ONES);
            x += WORD;
        } else {
            const Py_ssize_t end = x + WORD < size ? x + WORD : size;
            for (; x < end; x++)
                out[x] = left = (uint8_t)(left + in[x]);
        }
    }
}

CLONES static void undo_up(const uint8_t *in, const uint8_t *above, uint8_t *out, Py_ssize_t size)
{
    for (Py_ssize_t x = 0; x < size; x++)
        out[x] = (uint8_t)(in[x] + above[x]);
}

static void undo_average(const uint8_t *in, const uint8_t *above, uint8_t *out, Py_ssize_t size)
{
    uint8_t left = 0;
    Py_ssize_t x = 0;
    while (x < size) {
        /* The mean of equal values is that value. */
        if (x + WORD <= size && load(in + x) == 0 && load(above + x) == left * ONES) {
            store(out + x, left * ONES);
            x += WORD;
        } else {
            const Py_ssize_t end = x + WORD < size ? x + WORD : size;
            for (; x < end; x++)
                out[x] = left = (uint8_t)(in[x] + ((left + above[x]) >> 1));
        }
    }
}

static void undo_paeth(const uint8_t *in, const uint8_t *above, uint8_t *out, Py_ssize_t size)
{
    uint8_t left = 0, corner = 0;
    Py_ssize_t x = 0;
    while (x < size) {
        /* Where left and corner are equal, the pixel above is predicted, so they are equal at the next one too. */
        if (left == corner && x + BLOCK <= size && block_is_zero(in + x)) {
            memcpy(out + x, above + x, BLOCK);
            x += BLOCK;
            left = corner = above[x - 1];
        } else if (left == corner && x + WORD <= size && load(in + x) == 0) {
            store(out + x, load(above + x));
            x += WORD;
            left = corner = above[x - 1];
        } else if (x + WORD <= size && load(in + x) == 0 && load(above + x) == corner * ONES) {
            /* Where the row above stays as it is, the pixel to the left is predicted. */
            store(out + x, left * ONES);
            x += WORD;
        } else {
            const Py_ssize_t end = x + WORD < size ? x + WORD : size;
            for (; x < end; x++) {
                left = (uint8_t)(in[x] + nearest(left, above[x], corner));
                out[x] = left;
                corner = above[x];
            }
        }
    }
}

/* Returns the first row whose filter is unknown, or -1. `zeros` is a row of them. */
static Py_ssize_t undo(const uint8_t *in, uint8_t *out, Py_ssize_t height, Py_ssize_t size, const uint8_t *zeros)
{
    const uint8_t *above = zeros;
    for (Py_ssize_t y = 0; y < height; y++) {
        const int filter = *in++;
        if (filter == NONE)
            memcpy(out, in, (size_t)size);
        else if (filter == SUB)
            undo_sub(in, out, size);
        else if (filter == UP)
            undo_up(in, above, out, size);
        else if (filter == AVERAGE)
            undo_average(in, above, out, size);
        else if (filter == PAETH)
            undo_paeth(in, above, out, size);
        else
            return y;
        above = out;
        in += size;
        out += size;
    }
    return -1;
}

static PyObject *rows_undo(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    Py_buffer in, out;
    PyObject *answer = NULL;
    (void)self;
    if (given != 2) {
        PyErr_SetString(PyExc_TypeError, "undo(rows, pixels)");
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &in, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(args[1], &out, PyBUF_WRITABLE | PyBUF_ND) < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    if (out.ndim != 2 || out.itemsize != 1 || in.len != out.len + out.shape[0] || out.len < 1) {
        PyErr_SetString(PyExc_ValueError, "rows and pixels do not fit together");
    } else {
        uint8_t *zeros = calloc((size_t)out.shape[1], 1);
        if (zeros == NULL)
            PyErr_NoMemory();
        else
            answer = PyLong_FromSsize_t(undo(in.buf, out.buf, out.shape[0], out.shape[1], zeros));
        free(zeros);
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&in);
    return answer;
}

/* Returns whether any pixel is neither 0 nor `highest`. */
CLONES static int join(const uint8_t *in, uint8_t *out, Py_ssize_t size, uint8_t highest)
{
    uint8_t other = 0;
    for (Py_ssize_t x = 0; x < size; x++) {
        const uint8_t value = in[x], used = value != 0;
        out[x] = used;
        other |= (uint8_t)(used & (value != highest));
    }
    return other;
}

static PyObject *rows_binary(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    Py_buffer in, out;
    PyObject *answer = NULL;
    (void)self;
    if (given != 3) {
        PyErr_SetString(PyExc_TypeError, "binary(pixels, labels, highest)");
        return NULL;
    }
    const long highest = PyLong_AsLong(args[2]);
    if (highest == -1 && PyErr_Occurred())
        return NULL;
    if (PyObject_GetBuffer(args[0], &in, PyBUF_STRIDES) < 0)
        return NULL;
    if (PyObject_GetBuffer(args[1], &out, PyBUF_WRITABLE | PyBUF_ND) < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    if (in.ndim != 2 || out.ndim != 2 || in.itemsize != 1 || out.itemsize != 1 || in.shape[0] != out.shape[0] ||
        in.shape[1] != out.shape[1] || (in.shape[1] > 1 && in.strides[1] != 1) || highest < 0 || highest > 255) {
        PyErr_SetString(PyExc_ValueError, "pixels and labels do not fit together");
    } else {
        int several = 0;
        for (Py_ssize_t y = 0; y < out.shape[0]; y++)
            several |= join((const uint8_t *)in.buf + y * in.strides[0], (uint8_t *)out.buf + y * out.shape[1],
                            out.shape[1], (uint8_t)highest);
        answer = PyBool_FromLong(several);
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&in);
    return answer;
}

static PyMethodDef METHODS[] = {
    {"binary", (PyCFunction)(void (*)(void))rows_binary, METH_FASTCALL,
     "binary(pixels, labels, highest): 1 where a pixel is not 0; whether any is neither 0 nor highest."},
    {"undo", (PyCFunction)(void (*)(void))rows_undo, METH_FASTCALL,
     "undo(rows, pixels): filtered rows, each led by its filter, to pixels; the first wrong row, or -1."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "VERSION", VERSION);
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_rows", "Rows of PNG files to pixels, and pixels to one object.", 0, METHODS, SLOTS, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__rows(void)
{
    return PyModuleDef_Init(&MODULE);
}
