/* What lies below: the headers that are needed, system calls made directly, and the functions of
 * the C library that stand behind ours. The rules of shim.h hold here as well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "only for 64-bit Linux"
#endif

/* What older headers lack, and names that musl's make into others. */
#if defined(__x86_64__)
#define NEWER(x86, others) x86
#else
#define NEWER(x86, others) others
#endif
#ifndef SYS_renameat2
#define SYS_renameat2 NEWER(316, 276)
#endif
#ifndef SYS_getrandom
#define SYS_getrandom NEWER(318, 278)
#endif
#ifndef SYS_execveat
#define SYS_execveat NEWER(322, 281)
#endif
#ifndef SYS_statx
#define SYS_statx NEWER(332, 291)
#endif
#ifndef SHIM_WIPE
#define SHIM_WIPE 18 /* MADV_WIPEONFORK */
#endif
#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif
#undef open64
#undef openat64
#undef creat64
#undef fopen64
#undef freopen64
#undef scandir64
#undef stat64
#undef lstat64
#undef fstatat64
#undef truncate64
#undef mkstemp64
#undef mkostemp64
#undef statfs64
#undef statvfs64
#undef setrlimit64
#undef prlimit64

typedef uint64_t u64;
#define RARE(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((noinline, cold))
/* A function of the C library that we stand in front of. Its own name in C differs, so that no
 * declaration of a header, of whatever version, gets in the way. */
#define WRAP(ret, name, params)                                                                   \
    __attribute__((visibility("default"))) ret shim_##name params __asm__(#name);                 \
    ret shim_##name params

/* -- system calls ------------------------------------------------------------------------------ */

#if defined(__x86_64__)
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    long r;
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}
#elif defined(__aarch64__)
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#elif defined(__riscv)
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long a7 __asm__("a7") = n, a0 __asm__("a0") = a, a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c, a3 __asm__("a3") = d, a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return a0;
}
#else
#error "no system calls known for this processor"
#endif
#define SYS_(_1, _2, _3, _4, _5, _6, _7, ...)                                                     \
    sys6((long)(_1), (long)(_2), (long)(_3), (long)(_4), (long)(_5), (long)(_6), (long)(_7))
#define sys(...) SYS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* Wheels are for C libraries older than the one they are made with, where this is in libdl. */
#if defined(SHIM_PORTABLE)
__asm__(NEWER(".symver dlsym,dlsym@GLIBC_2.2.5", ".symver dlsym,dlsym@GLIBC_2.17"));
#endif

/* -- the functions behind ours ------------------------------------------------------------------ */

#define NAMES(X)                                                                                  \
    X(open) X(open64) X(openat) X(openat64) X(creat) X(creat64) X(fopen) X(fopen64) X(freopen)    \
    X(freopen64) X(opendir) X(fdopendir) X(scandir) X(scandir64) X(stat) X(stat64) X(lstat)       \
    X(lstat64) X(fstatat) X(fstatat64) X(statx) X(access) X(eaccess) X(euidaccess) X(faccessat)   \
    X(__xstat) X(__xstat64) X(__lxstat) X(__lxstat64) X(__fxstatat) X(__fxstatat64) X(rename)     \
    X(renameat) X(renameat2) X(unlink) X(unlinkat) X(remove) X(truncate) X(truncate64) X(mkstemp) \
    X(mkstemp64) X(mkostemp) X(mkostemp64) X(link) X(linkat) X(symlink) X(symlinkat) X(execve)    \
    X(execv) X(execvp) X(execvpe) X(execveat) X(fexecve) X(posix_spawn) X(posix_spawnp) X(chdir)  \
    X(fchdir) X(mkdir) X(mkdirat) X(rmdir) X(readlink) X(readlinkat) X(realpath)                  \
    X(canonicalize_file_name) X(statfs) X(statfs64) X(statvfs) X(statvfs64) X(pathconf)           \
    X(getxattr) X(lgetxattr) X(listxattr) X(llistxattr) X(setxattr) X(lsetxattr) X(utimensat)     \
    X(utime) X(utimes) X(lutimes) X(futimesat) X(chmod) X(fchmodat) X(chown) X(lchown)            \
    X(fchownat) X(mknod) X(mkfifo) X(setrlimit) X(setrlimit64)      \
    X(prlimit) X(prlimit64) X(getrandom) X(syscall)

#define NUMBER(name) N_##name,
enum { NAMES(NUMBER) COUNT };
#define WORD(name) #name,
static const char *const words[] = {NAMES(WORD)};
static void *real[COUNT];

static long absent(void) {
    errno = ENOSYS;
    return -1;
}

/* Programs that ask whether a function exists find ours where the C library is older than it. */
static int late_statx(int at, const char *path, int flags, unsigned mask, void *to) {
    long r = sys(SYS_statx, at, path, flags, mask, to);
    return r < 0 ? (errno = -r, -1) : r;
}
static int late_renameat2(int at, const char *a, int to, const char *b, unsigned flags) {
    long r = sys(SYS_renameat2, at, a, to, b, flags);
    return r < 0 ? (errno = -r, -1) : r;
}
static int late_execveat(int at, const char *path, char *const *argv, char *const *envp, int flags) {
    long r = sys(SYS_execveat, at, path, argv, envp, flags);
    return r < 0 ? (errno = -r, -1) : r;
}
static ssize_t late_getrandom(void *to, size_t size, unsigned flags) {
    long r = sys(SYS_getrandom, to, size, flags);
    return r < 0 ? (errno = -r, -1) : r;
}

static void *get(int i);
static char *late_canonical(const char *path) {
    return ((char *(*)(const char *, char *))get(N_realpath))(path, NULL);
}

static COLD void *find(int i) {
    void *f = dlsym(RTLD_NEXT, words[i]);
    size_t n = strlen(words[i]);
    if (!f && n > 2 && !strcmp(words[i] + n - 2, "64")) { /* musl: the plain one is the large one */
        char plain[32];
        memcpy(plain, words[i], n - 2);
        plain[n - 2] = 0;
        f = dlsym(RTLD_NEXT, plain);
    }
    if (!f)
        f = i == N_statx       ? (void *)late_statx
            : i == N_renameat2 ? (void *)late_renameat2
            : i == N_execveat  ? (void *)late_execveat
            : i == N_getrandom ? (void *)late_getrandom
            : i == N_canonicalize_file_name ? (void *)late_canonical
                                            : (void *)absent;
    return real[i] = f;
}

static void *get(int i) {
    void *f = real[i];
    return RARE(!f) ? find(i) : f;
}
#define CALL(name, ret, types, ...) (((ret(*) types)get(N_##name))(__VA_ARGS__))
