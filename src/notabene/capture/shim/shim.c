/* Records which files a program and its children use, and shows them others when a run is repeated.
 *
 * The dynamic loader (LD_PRELOAD) puts this in front of the C library in each program of a run;
 * docs/explanation/shim.md says what it is for. Here are the calls that it stands in front of, and
 * how it starts; what they do besides is in shim.h, with the rules that must hold everywhere.
 */
#define _GNU_SOURCE
#include "shim.h"

/* -- open ----------------------------------------------------------------------------------------- */

#define MODE(flags)                                                                               \
    mode_t mode = 0;                                                                              \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) {                                \
        va_list rest;                                                                             \
        va_start(rest, flags);                                                                    \
        mode = (mode_t)va_arg(rest, int);                                                         \
        va_end(rest);                                                                             \
    }

#define OPEN(name, flags_more)                                                                    \
    WRAP(int, name, (const char *path, int flags, ...)) {                                         \
        MODE(flags)                                                                               \
        const char *use = MAP(AT_FDCWD, path);                                                    \
        if (RARE(path && !use))                                                                   \
            return missed(AT_FDCWD, path), -1;                                                    \
        int fd = CALL(name, int, (const char *, int, ...), use, flags, mode);                     \
        opened(fd, AT_FDCWD, path, (flags) | flags_more);                                         \
        return fd;                                                                                \
    }
OPEN(open, 0)
OPEN(open64, 0)

#define OPENAT(name)                                                                              \
    WRAP(int, name, (int at, const char *path, int flags, ...)) {                                 \
        MODE(flags)                                                                               \
        const char *use = MAP(at, path);                                                          \
        if (RARE(path && !use))                                                                   \
            return missed(at, path), -1;                                                          \
        int fd = CALL(name, int, (int, const char *, int, ...), at, use, flags, mode);            \
        opened(fd, at, path, flags);                                                              \
        return fd;                                                                                \
    }
OPENAT(openat)
OPENAT(openat64)

/* What compilers call for open without a mode, where they check such things. */
WRAP(int, __open_2, (const char *path, int flags)) { return shim_open(path, flags); }
WRAP(int, __open64_2, (const char *path, int flags)) { return shim_open64(path, flags); }
WRAP(int, __openat_2, (int at, const char *path, int flags)) { return shim_openat(at, path, flags); }
WRAP(int, __openat64_2, (int at, const char *path, int flags)) {
    return shim_openat64(at, path, flags);
}
WRAP(int, creat, (const char *path, mode_t mode)) {
    return shim_open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
WRAP(int, creat64, (const char *path, mode_t mode)) {
    return shim_open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int flags_of(const char *mode) {
    int plus = 0;
    for (const char *c = mode; c && *c && *c != ','; c++)
        plus |= *c == '+';
    int flags = plus ? O_RDWR : mode && *mode == 'r' ? O_RDONLY : O_WRONLY;
    return flags | (mode && *mode == 'w' ? O_CREAT | O_TRUNC : 0);
}

#define FOPEN(name)                                                                               \
    WRAP(void *, name, (const char *path, const char *mode)) {                                    \
        const char *use = MAP(AT_FDCWD, path);                                                    \
        if (RARE(path && !use))                                                                   \
            return missed(AT_FDCWD, path), NULL;                                                  \
        void *file = CALL(name, void *, (const char *, const char *), use, mode);                 \
        opened(file ? 0 : -1, AT_FDCWD, path, flags_of(mode));                                    \
        return file;                                                                              \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define FREOPEN(name)                                                                             \
    WRAP(void *, name, (const char *path, const char *mode, void *old)) {                         \
        const char *use = path ? MAP(AT_FDCWD, path) : NULL;                                      \
        if (RARE(path && !use)) /* as the C library: the old one is closed all the same */        \
            use = "/dev/null/not there";                                                          \
        void *file = CALL(name, void *, (const char *, const char *, void *), use, mode, old);    \
        if (path)                                                                                 \
            opened(file ? 0 : -1, AT_FDCWD, path, flags_of(mode));                                \
        return file;                                                                              \
    }
FREOPEN(freopen)
FREOPEN(freopen64)

WRAP(void *, opendir, (const char *path)) {
    const char *use = MAP(AT_FDCWD, path);
    if (RARE(path && !use))
        return missed(AT_FDCWD, path), NULL;
    void *folder = CALL(opendir, void *, (const char *), use);
    opened(folder ? 0 : -1, AT_FDCWD, path, O_DIRECTORY);
    return folder;
}

WRAP(void *, fdopendir, (int fd)) {
    void *folder = CALL(fdopendir, void *, (int), fd);
    if (folder)
        note_descriptor('d', fd);
    return folder;
}

#define SCANDIR(name)                                                                             \
    WRAP(int, name, (const char *path, void *names, void *keep, void *order)) {                   \
        const char *use = MAP(AT_FDCWD, path);                                                    \
        if (RARE(path && !use))                                                                   \
            return missed(AT_FDCWD, path), -1;                                                    \
        int n = CALL(name, int, (const char *, void *, void *, void *), use, names, keep, order); \
        opened(n, AT_FDCWD, path, O_DIRECTORY);                                                   \
        return n;                                                                                 \
    }
SCANDIR(scandir)
SCANDIR(scandir64)

/* Files with names made up by the C library; nothing to show instead. */
#define MKSTEMP(name, params, types, ...)                                                         \
    WRAP(int, name, params) {                                                                     \
        int fd = CALL(name, int, types, __VA_ARGS__);                                             \
        if (fd >= 0)                                                                              \
            note('w', AT_FDCWD, path);                                                            \
        return fd;                                                                                \
    }
MKSTEMP(mkstemp, (char *path), (char *), path)
MKSTEMP(mkstemp64, (char *path), (char *), path)
MKSTEMP(mkostemp, (char *path, int flags), (char *, int), path, flags)
MKSTEMP(mkostemp64, (char *path, int flags), (char *, int), path, flags)

/* -- look, and change by name ------------------------------------------------------------------------ */

/* A call with one path. `after` runs with `r`, its result; `bad` is the result of failure. */
#define ONE(ret, name, bad, at, params, types, args, after)                                       \
    WRAP(ret, name, params) {                                                                     \
        const char *use = MAP(at, path);                                                          \
        if (RARE(path && !use))                                                                   \
            return missed(at, path), bad;                                                         \
        ret r = ((ret(*) types)get(N_##name))args;                                                \
        after;                                                                                    \
        return r;                                                                                 \
    }
#define CWD AT_FDCWD
#define MISSED(at) if (r < 0) missed(at, path)
#define NOTED(op, at) if (r == 0) note(op, at, path)
#define GONE(at) if (r == 0 && recording) note_removed(at, path)
#define NOTHING (void)0
#define LOOK(name)                                                                                \
    ONE(int, name, -1, CWD, (const char *path, void *to), (const char *, void *), (use, to),      \
        MISSED(CWD))
LOOK(stat)
LOOK(stat64)
LOOK(lstat)
LOOK(lstat64)
#define LOOKAT(name)                                                                              \
    ONE(int, name, -1, at, (int at, const char *path, void *to, int flags),                       \
        (int, const char *, void *, int), (at, use, to, flags), MISSED(at))
LOOKAT(fstatat)
LOOKAT(fstatat64)
ONE(int, statx, -1, at, (int at, const char *path, int flags, unsigned mask, void *to),
    (int, const char *, int, unsigned, void *), (at, use, flags, mask, to), MISSED(at))
#define ACCESS(name)                                                                              \
    ONE(int, name, -1, CWD, (const char *path, int mode), (const char *, int), (use, mode),       \
        MISSED(CWD))
ACCESS(access)
ACCESS(eaccess)
ACCESS(euidaccess)
ONE(int, faccessat, -1, at, (int at, const char *path, int mode, int flags),
    (int, const char *, int, int), (at, use, mode, flags), MISSED(at))

/* What programs built for glibc before 2.33 call for stat. Later ones have it for them alone, under
 * a version, so it is not always found; on these processors the two are the same call. */
#define OLD(name, plain)                                                                          \
    WRAP(int, name, (int version, const char *path, void *to)) {                                  \
        if (get(N_##name) == (void *)absent)                                                      \
            return shim_##plain(path, to);                                                        \
        const char *use = MAP(CWD, path);                                                         \
        if (RARE(path && !use))                                                                   \
            return missed(CWD, path), -1;                                                         \
        int r = CALL(name, int, (int, const char *, void *), version, use, to);                   \
        MISSED(CWD);                                                                              \
        return r;                                                                                 \
    }
OLD(__xstat, stat)
OLD(__xstat64, stat64)
OLD(__lxstat, lstat)
OLD(__lxstat64, lstat64)
#define OLDAT(name, plain)                                                                        \
    WRAP(int, name, (int version, int at, const char *path, void *to, int flags)) {               \
        if (get(N_##name) == (void *)absent)                                                      \
            return shim_##plain(at, path, to, flags);                                             \
        const char *use = MAP(at, path);                                                          \
        if (RARE(path && !use))                                                                   \
            return missed(at, path), -1;                                                          \
        int r = CALL(name, int, (int, int, const char *, void *, int), version, at, use, to, flags); \
        MISSED(at);                                                                               \
        return r;                                                                                 \
    }
OLDAT(__fxstatat, fstatat)
OLDAT(__fxstatat64, fstatat64)

ONE(ssize_t, readlink, -1, CWD, (const char *path, char *to, size_t size),
    (const char *, char *, size_t), (use, to, size), MISSED(CWD))
ONE(ssize_t, readlinkat, -1, at, (int at, const char *path, char *to, size_t size),
    (int, const char *, char *, size_t), (at, use, to, size), MISSED(at))
ONE(char *, realpath, NULL, CWD, (const char *path, char *to), (const char *, char *), (use, to),
    if (!r) missed(CWD, path))
ONE(char *, canonicalize_file_name, NULL, CWD, (const char *path), (const char *), (use),
    if (!r) missed(CWD, path))

ONE(int, unlink, -1, CWD, (const char *path), (const char *), (use), GONE(CWD))
ONE(int, unlinkat, -1, at, (int at, const char *path, int flags), (int, const char *, int),
    (at, use, flags), if (!(flags & AT_REMOVEDIR)) GONE(at))
ONE(int, remove, -1, CWD, (const char *path), (const char *), (use), GONE(CWD))
#define TRUNCATE(name)                                                                            \
    ONE(int, name, -1, CWD, (const char *path, off_t size), (const char *, off_t), (use, size),   \
        NOTED('w', CWD))
TRUNCATE(truncate)
TRUNCATE(truncate64)
ONE(int, chdir, -1, CWD, (const char *path), (const char *), (use),
    if (r == 0) moved(); else MISSED(CWD))
WRAP(int, fchdir, (int fd)) {
    int r = CALL(fchdir, int, (int), fd);
    if (r == 0)
        moved();
    return r;
}

/* Only shown instead, never recorded. */
#define PASS(name, params, types, args) ONE(int, name, -1, CWD, params, types, args, NOTHING)
#define PASSAT(name, params, types, args) ONE(int, name, -1, at, params, types, args, NOTHING)
PASS(mkdir, (const char *path, mode_t mode), (const char *, mode_t), (use, mode))
PASSAT(mkdirat, (int at, const char *path, mode_t mode), (int, const char *, mode_t),
       (at, use, mode))
PASS(rmdir, (const char *path), (const char *), (use))
PASS(statfs, (const char *path, void *to), (const char *, void *), (use, to))
PASS(statfs64, (const char *path, void *to), (const char *, void *), (use, to))
PASS(statvfs, (const char *path, void *to), (const char *, void *), (use, to))
PASS(statvfs64, (const char *path, void *to), (const char *, void *), (use, to))
ONE(long, pathconf, -1, CWD, (const char *path, int name), (const char *, int), (use, name), NOTHING)
#define GET(name)                                                                                 \
    ONE(ssize_t, name, -1, CWD, (const char *path, const char *key, void *to, size_t size),       \
        (const char *, const char *, void *, size_t), (use, key, to, size), NOTHING)
GET(getxattr)
GET(lgetxattr)
#define LIST(name)                                                                                \
    ONE(ssize_t, name, -1, CWD, (const char *path, char *to, size_t size),                        \
        (const char *, char *, size_t), (use, to, size), NOTHING)
LIST(listxattr)
LIST(llistxattr)
#define SET(name)                                                                                 \
    PASS(name, (const char *path, const char *key, const void *value, size_t size, int flags),    \
         (const char *, const char *, const void *, size_t, int), (use, key, value, size, flags))
SET(setxattr)
SET(lsetxattr)
PASSAT(utimensat, (int at, const char *path, const void *times, int flags),
       (int, const char *, const void *, int), (at, use, times, flags))
PASSAT(futimesat, (int at, const char *path, const void *times), (int, const char *, const void *),
       (at, use, times))
PASS(utime, (const char *path, const void *times), (const char *, const void *), (use, times))
PASS(utimes, (const char *path, const void *times), (const char *, const void *), (use, times))
PASS(lutimes, (const char *path, const void *times), (const char *, const void *), (use, times))
PASS(chmod, (const char *path, mode_t mode), (const char *, mode_t), (use, mode))
PASSAT(fchmodat, (int at, const char *path, mode_t mode, int flags),
       (int, const char *, mode_t, int), (at, use, mode, flags))
PASS(chown, (const char *path, uid_t user, gid_t group), (const char *, uid_t, gid_t),
     (use, user, group))
PASS(lchown, (const char *path, uid_t user, gid_t group), (const char *, uid_t, gid_t),
     (use, user, group))
PASSAT(fchownat, (int at, const char *path, uid_t user, gid_t group, int flags),
       (int, const char *, uid_t, gid_t, int), (at, use, user, group, flags))
PASS(mknod, (const char *path, mode_t mode, dev_t device), (const char *, mode_t, dev_t),
     (use, mode, device))
PASS(mkfifo, (const char *path, mode_t mode), (const char *, mode_t), (use, mode))

/* A call with two paths. */
#define TWO(name, at, to, params, types, args, after)                                             \
    WRAP(int, name, params) {                                                                     \
        const char *use = MAP(at, path), *use_new = use ? MAP(to, new) : NULL;                    \
        if (RARE((path && !use) || (use && new && !use_new)))                                     \
            return -1;                                                                            \
        int r = CALL(name, int, types, args);                                                     \
        if (r == 0 && recording)                                                                  \
            after;                                                                                \
        return r;                                                                                 \
    }
#define ARGS(...) __VA_ARGS__
TWO(rename, CWD, CWD, (const char *path, const char *new), (const char *, const char *),
    ARGS(use, use_new), note_moved(CWD, path, CWD, new))
TWO(renameat, at, to, (int at, const char *path, int to, const char *new),
    (int, const char *, int, const char *), ARGS(at, use, to, use_new), note_moved(at, path, to, new))
TWO(renameat2, at, to, (int at, const char *path, int to, const char *new, unsigned flags),
    (int, const char *, int, const char *, unsigned), ARGS(at, use, to, use_new, flags),
    note_moved(at, path, to, new))
TWO(link, CWD, CWD, (const char *path, const char *new), (const char *, const char *),
    ARGS(use, use_new), note('w', CWD, new))
TWO(linkat, at, to, (int at, const char *path, int to, const char *new, int flags),
    (int, const char *, int, const char *, int), ARGS(at, use, to, use_new, flags),
    note('w', to, new))
/* What a symbolic link says is kept, unless it is absolute and there is another in its place. */
#define TARGET(text) ((text) && (text)[0] == '/' ? MAP(CWD, text) : (text))
WRAP(int, symlink, (const char *text, const char *path)) {
    const char *target = TARGET(text), *use = MAP(CWD, path);
    if (RARE(path && !use))
        return -1;
    int r = CALL(symlink, int, (const char *, const char *), target ? target : text, use);
    NOTED('w', CWD);
    return r;
}
WRAP(int, symlinkat, (const char *text, int at, const char *path)) {
    const char *target = TARGET(text), *use = MAP(at, path);
    if (RARE(path && !use))
        return -1;
    int r = CALL(symlinkat, int, (const char *, int, const char *), target ? target : text, at, use);
    NOTED('w', at);
    return r;
}

/* -- run ------------------------------------------------------------------------------------------ */

typedef char *const *list;
#define RUN(name, at, see, params, types, args)                                                   \
    WRAP(int, name, params) {                                                                     \
        const char *use = MAP(at, path);                                                          \
        if (RARE(path && !use))                                                                   \
            return missed(at, path), -1;                                                          \
        see;                                                                                      \
        int r = CALL(name, int, types, args);                                                     \
        if (r < 0) /* or it does not come back */                                                 \
            missed(at, path);                                                                     \
        return r;                                                                                 \
    }
RUN(execve, CWD, will_run(CWD, use, path), (const char *path, list argv, list envp),
    (const char *, list, list), ARGS(use, argv, envp))
RUN(execv, CWD, will_run(CWD, use, path), (const char *path, list argv), (const char *, list),
    ARGS(use, argv))
RUN(execveat, at, will_run(at, use, path),
    (int at, const char *path, list argv, list envp, int flags),
    (int, const char *, list, list, int), ARGS(at, use, argv, envp, flags))
/* A name without a slash is looked for along PATH: neither is it a file here, nor missing here. */
#define FOUND(name, params, types, args)                                                          \
    WRAP(int, name, params) {                                                                     \
        const char *use = path && strchr(path, '/') ? MAP(CWD, path) : path;                      \
        if (RARE(path && !use))                                                                   \
            return missed(CWD, path), -1;                                                         \
        will_run_found(path, use);                                                                \
        return CALL(name, int, types, args);                                                      \
    }
FOUND(execvp, (const char *path, list argv), (const char *, list), ARGS(use, argv))
FOUND(execvpe, (const char *path, list argv, list envp), (const char *, list, list),
      ARGS(use, argv, envp))
WRAP(int, fexecve, (int fd, list argv, list envp)) {
    note_descriptor('x', fd);
    return CALL(fexecve, int, (int, list, list), fd, argv, envp);
}

/* With the words in a row of arguments: as many as there are, and a NULL. */
#define WORDS(first)                                                                              \
    va_list rest, again;                                                                          \
    va_start(rest, first);                                                                        \
    va_copy(again, rest);                                                                         \
    size_t count = 1;                                                                             \
    for (const char *word = first; word; word = va_arg(again, const char *))                      \
        count++;                                                                                  \
    va_end(again);                                                                                \
    const char *argv[count];                                                                      \
    argv[0] = first;                                                                              \
    for (size_t i = 1; i < count; i++)                                                            \
        argv[i] = va_arg(rest, const char *)
WRAP(int, execl, (const char *path, const char *first, ...)) {
    WORDS(first);
    va_end(rest);
    return shim_execv(path, (list)argv);
}
WRAP(int, execlp, (const char *path, const char *first, ...)) {
    WORDS(first);
    va_end(rest);
    return shim_execvp(path, (list)argv);
}
WRAP(int, execle, (const char *path, const char *first, ...)) {
    WORDS(first);
    list envp = first ? va_arg(rest, list) : NULL;
    va_end(rest);
    return shim_execve(path, (list)argv, envp);
}

typedef const void *any;
WRAP(int, posix_spawn, (pid_t *to, const char *path, any acts, any attr, list argv, list envp)) {
    const char *use = MAP(CWD, path);
    int before = errno;
    if (RARE(path && !use))
        return missed(CWD, path), errno = before, ENOENT;
    will_run(CWD, use, path);
    int r = CALL(posix_spawn, int, (pid_t *, const char *, any, any, list, list), to, use, acts, attr,
                 argv, envp);
    if (r == ENOENT || r == ENOTDIR)
        note('m', CWD, path);
    return r;
}
WRAP(int, posix_spawnp, (pid_t *to, const char *path, any acts, any attr, list argv, list envp)) {
    int before = errno;
    const char *use = path && strchr(path, '/') ? MAP(CWD, path) : path;
    if (RARE(path && !use))
        return missed(CWD, path), errno = before, ENOENT;
    will_run_found(path, use);
    return CALL(posix_spawnp, int, (pid_t *, const char *, any, any, list, list), to, use, acts, attr,
                argv, envp);
}

/* -- limits on the size of files, which are the log's as well --------------------------------------- */

#define LIMIT(name, params, types, ...)                                                           \
    WRAP(int, name, params) {                                                                     \
        int r = CALL(name, int, types, __VA_ARGS__);                                              \
        if (state)                                                                                \
            atomic_store(&state->most, 0);                                                        \
        return r;                                                                                 \
    }
LIMIT(setrlimit, (int what, any limit), (int, any), what, limit)
LIMIT(setrlimit64, (int what, any limit), (int, any), what, limit)
LIMIT(prlimit, (pid_t who, int what, any limit, void *old), (pid_t, int, any, void *), who, what,
      limit, old)
LIMIT(prlimit64, (pid_t who, int what, any limit, void *old), (pid_t, int, any, void *), who, what,
      limit, old)

/* -- the secret of Python's hashes ------------------------------------------------------------------ */

/* Python draws it when it starts: 24 bytes, and it does not wait for the system to have them. What
 * programs draw later, os.urandom and secrets, waits; so nothing else can be taken for it. */
static inline int wants_secret(size_t size, unsigned flags) {
    return RARE(atomic_load_explicit(&hashing, memory_order_relaxed)) && size == sizeof secret &&
           flags == 1 /* GRND_NONBLOCK */ && atomic_exchange(&hashing, 0);
}

WRAP(ssize_t, getrandom, (void *to, size_t size, unsigned flags)) {
    if (wants_secret(size, flags)) {
        memcpy(to, secret, sizeof secret);
        return sizeof secret;
    }
    return CALL(getrandom, ssize_t, (void *, size_t, unsigned), to, size, flags);
}

/* Pythons built where the C library had no getrandom. All other calls jump to the C library's with
 * their arguments where they are: the seventh is on the stack for one kind of processor, where it
 * must not be touched, since most callers give fewer and have something of their own there. */
#if defined(__x86_64__)
#define ALL(f) (long n, long a, long b, long c, long d, long e)
#define GIVEN(f) (n, a, b, c, d, e)
#else
#define ALL(f) (long n, long a, long b, long c, long d, long e, long f)
#define GIVEN(f) (n, a, b, c, d, e, f)
#endif
typedef long onward_t ALL(f);
static onward_t find_onward;
static onward_t *onward = find_onward;
static COLD long find_onward ALL(f) {
    onward = (onward_t *)get(N_syscall);
    return onward GIVEN(f);
}
static COLD long drawn(void *to, size_t size, unsigned flags) {
    return shim_getrandom(to, size, flags);
}
WRAP(long, syscall, ALL(f)) {
    return RARE(n == SYS_getrandom) ? drawn((void *)a, (size_t)b, (unsigned)c) : onward GIVEN(f);
}

/* -- the start --------------------------------------------------------------------------------------- */

static const char *variable(const char *name) {
    size_t n = strlen(name);
    for (char **e = environ; e && *e; e++)
        if (!strncmp(*e, name, n) && (*e)[n] == '=')
            return *e + n + 1;
    return "";
}

static void *memory(size_t size) {
    void *p = (void *)sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return (u64)p > (u64)-4096 ? NULL : p;
}

static void skip(const char *text, size_t n) {
    static size_t used;
    while (n > 1 && text[n - 1] == '/') n--;
    if (n < 2 || text[0] != '/' || skip_count == SKIPS || used + n > SKIP_BYTES)
        return;
    memcpy(skip_bytes + used, text, n);
    skips[skip_count].text = skip_bytes + used;
    skips[skip_count++].length = n;
    used += n;
}

static void start_recording(void) {
    const char *folder = variable("NOTABENE_SHIM_LOG"), *text = variable("NOTABENE_SHIM_SKIP");
    log_length = strlen(folder);
    if (folder[0] != '/' || log_length >= FOLDER || !state)
        return;
    memcpy(log_folder, folder, log_length);
    skip(folder, log_length);
    while (*text) {
        const char *end = strchrnul(text, ':');
        skip(text, (size_t)(end - text));
        text = *end ? end + 1 : end;
    }
    own();
    recording = 1;
}

static char *whole(const char *path, size_t *size) {
    struct stat it;
    char *text = NULL;
    int fd = (int)sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (!sys(SYS_fstat, fd, &it) && S_ISREG(it.st_mode) && (text = memory((size_t)it.st_size + 1))) {
        long n;
        for (*size = 0; *size < (size_t)it.st_size; *size += (size_t)n)
            if ((n = sys(SYS_read, fd, text + *size, (size_t)it.st_size - *size)) <= 0)
                break;
    }
    sys(SYS_close, fd);
    return text;
}

static void start_mapping(void) {
    const char *path = variable("NOTABENE_SHIM_MAP");
    size_t size = 0, lines = 1;
    char *text = *path ? whole(path, &size) : NULL;
    if (!text)
        return;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    for (link_mask = 15; link_mask < 2 * lines;) link_mask = link_mask * 2 + 1;
    there = memory((link_mask + 1) * 2 * sizeof *there);
    if (!there)
        return;
    back = there + link_mask + 1;
    for (char *line = text, *end, *tab; line < text + size; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + size - line));
        if (!end)
            end = text + size;
        *end = 0;
        tab = memchr(line, '\t', (size_t)(end - line));
        if (!tab || line[0] != '/' || (tab[1] != '/' && strcmp(tab + 1, "-") != 0))
            continue;
        struct link it = {line, tab + 1, (uint32_t)(tab - line), (uint32_t)(end - tab - 1)};
        while (it.from_length && it.from[it.from_length - 1] == '/') it.from_length--;
        while (it.to_length > 1 && it.to[it.to_length - 1] == '/') it.to_length--;
        if (it.to[0] == '-')
            it.to_length = 0;
        else
            enter(back, (struct link){it.to, it.from, it.to_length, it.from_length});
        if (it.to_length > longest)
            longest = it.to_length;
        enter(there, it);
        mapping = 1;
    }
}

static void start_hashing(void) {
    const char *text = variable("NOTABENE_SHIM_HASH"), *fixed = variable("PYTHONHASHSEED");
    char exe[LONGEST];
    if (strlen(text) != 2 * sizeof secret || (*fixed && strcmp(fixed, "random") != 0))
        return;
    long n = sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        return;
    exe[n] = 0;
    const char *name = strrchr(exe, '/');
    if (!name || strncmp(name + 1, "python", 6) != 0)
        return;
    for (size_t i = 0; i < 2 * sizeof secret; i++) {
        int c = text[i] | 32, digit = c >= 'a' && c <= 'f' ? c - 'a' + 10 : c - '0';
        if (digit < 0 || digit > 15)
            return;
        secret[i / 2] = (unsigned char)(secret[i / 2] << 4 | digit);
    }
    atomic_store(&hashing, 1);
}

__attribute__((constructor)) static void start(void) {
    size_t slots = 0, size;
    for (int i = 0; i < COUNT; i++)
        get(i);
    onward = (onward_t *)get(N_syscall);
    for (int i = 0; i < LEVELS; i++)
        slots += 1ull << level_bits[i];
    size = 4096 + slots * sizeof *sets;
    char *shared = memory(size);
    if (shared) {
        wipes = !sys(SYS_madvise, shared, size, SHIM_WIPE);
        sys(SYS_madvise, shared, size, MADV_NOHUGEPAGE);
        sys(SYS_madvise, shared, size, MADV_DONTDUMP);
        sets = (void *)(shared + 4096);
        state = (void *)shared;
    }
    start_mapping();
    start_recording();
    start_hashing();
}
