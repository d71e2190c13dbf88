/* What the calls of shim.c do besides calling the C library.
 *
 * What must hold everywhere below:
 *
 * - The program must not notice: results and errno are those of the C library, nothing is printed.
 * - Any function may run in a signal handler, in a forked child of a process with threads, and in a
 *   vfork child that shares its parent's memory. So: no locks, no allocation, little stack, and our
 *   own work only by system calls made directly (`sys`), which touch no errno and cannot come back
 *   here.
 * - A record is in the kernel's hands (one write) before the call that it is about returns.
 */
#include "system.h"

/* -- what is wanted, read once at the start ------------------------------------------------------ */

enum { FOLDER = 4096, SKIPS = 64, SKIP_BYTES = 16384 };
static char log_folder[FOLDER];
static size_t log_length;
static char skip_bytes[SKIP_BYTES];
static struct { const char *text; size_t length; } skips[SKIPS];
static int skip_count;
static int recording, wipes;
static atomic_int hashing;
static unsigned char secret[24];

/* -- state of a process --------------------------------------------------------------------------- */

/* In memory that the kernel gives to a forked child as zeros, and that a vfork child shares. So a
 * process whose number stands here owns it, zero is a new process, and any other number is that of
 * the parent, which waits for its vfork child. */
enum { LEVELS = 4, TRIES = 64, GIVE_UP = 8 };
static const unsigned char level_bits[LEVELS] = {12, 15, 18, 20};
#define LOG_LIMIT (512ull << 20)
struct state {
    _Atomic u64 start; /* ns since 1970 */
    _Atomic u64 file, written;
    _Atomic u64 most; /* bytes that a file may have; 0: to be asked again */
    atomic_int process, fd, headed, failures; /* fd: one more than the number; 0 is none */
    atomic_uint turns;                        /* of the working folder */
    atomic_uint used[LEVELS];
};
static struct state *state;
static _Atomic u64 *sets; /* digests of what was recorded; one level after the other is filled */

static u64 now(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_REALTIME, &t))
        return 1;
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* Whether the state is this process's own, after taking it where it is new. */
static int own(void) {
    int me = (int)sys(SYS_getpid), owner = atomic_load(&state->process);
    if (owner == me)
        return 1;
    if (owner && wipes)
        return 0;
    if (owner) { /* an old kernel: what is here is the parent's */
        atomic_store(&state->fd, 0);
        atomic_store(&state->headed, 0);
        atomic_store(&state->failures, 0);
        atomic_store(&state->written, 0);
        atomic_store(&state->start, 0);
        atomic_store(&state->most, 0);
    }
    u64 none = 0;
    atomic_compare_exchange_strong(&state->start, &none, now());
    atomic_store(&state->process, me);
    return 1;
}

static inline u64 mixed(u64 h, u64 word) {
    h = (h ^ word) * 0x9fb21c651e98df25ull;
    return h ^ h >> 32;
}

static inline u64 digest(u64 h, const char *text, size_t n) {
    u64 word;
    h = mixed(h, n);
    for (; n >= 8; text += 8, n -= 8) {
        memcpy(&word, text, 8);
        h = mixed(h, word);
    }
    word = 0;
    memcpy(&word, text, n);
    h = mixed(mixed(h, word), 0x2127599bf4325c37ull);
    return h ? h : 1;
}

static int known(u64 key) {
    _Atomic u64 *set = sets;
    for (int level = 0; level < LEVELS; level++) {
        u64 mask = (1ull << level_bits[level]) - 1, at = key & mask;
        for (int i = 0; i < TRIES; i++, at = (at + 1) & mask) {
            u64 found = atomic_load_explicit(&set[at], memory_order_relaxed);
            if (found == key)
                return 1;
            if (!found)
                break;
        }
        if (atomic_load_explicit(&state->used[level], memory_order_relaxed) <= mask / 4 * 3)
            return 0;
        set += mask + 1;
    }
    return 0;
}

static void remember(u64 key) {
    _Atomic u64 *set = sets;
    for (int level = 0; level < LEVELS; level++) {
        u64 mask = (1ull << level_bits[level]) - 1, at = key & mask;
        if (atomic_load_explicit(&state->used[level], memory_order_relaxed) <= mask / 4 * 3) {
            for (int i = 0; i < TRIES; i++, at = (at + 1) & mask) {
                u64 none = 0;
                if (atomic_compare_exchange_strong(&set[at], &none, key)) {
                    atomic_fetch_add(&state->used[level], 1);
                    return;
                }
            }
            return; /* no room nearby: it is recorded again the next time */
        }
        set += mask + 1;
    }
}

/* -- the log ---------------------------------------------------------------------------------------- */

static char *number(char *to, u64 value) {
    char digits[20];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n) *to++ = digits[--n];
    return to;
}

/* The descriptor, above those that programs count on; below 0 where there is none. */
static int open_log(void) {
    char name[log_length + 64], *end = name + log_length;
    memcpy(name, log_folder, log_length);
    *end++ = '/';
    end = number(end, (u64)atomic_load(&state->process));
    *end++ = '-';
    end = number(end, atomic_load(&state->start));
    memcpy(end, ".files", 7);
    int fd = (int)sys(SYS_openat, AT_FDCWD, name,
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                      0600);
    if (fd < 0)
        return fd;
    static const short floors[] = {500, 200, 60, 20};
    for (unsigned i = 0; i < sizeof floors / sizeof *floors; i++) {
        int high = (int)sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, floors[i]);
        if (high >= 0) {
            sys(SYS_close, fd);
            return high;
        }
    }
    if (fd > 2)
        return fd;
    sys(SYS_close, fd);
    return -1;
}

/* Which file a descriptor is, and 0 if it is none of the usual kind. Asked in a way that neither
 * waits for a server nor makes the next write note its time to the nanosecond, as fstat would. */
static u64 identity(int fd) {
    enum { WITHOUT_WAITING = 0x4000, TYPE = 1, INODE = 0x100 };
    struct { /* statx */
        uint32_t mask, block;
        u64 attributes;
        uint32_t links, user, group;
        uint16_t mode, none;
        u64 inode, size, blocks, known, times[8];
        uint32_t special[2], device[2];
        u64 more[14];
    } it;
    struct stat old;
    if (!sys(SYS_statx, fd, "", AT_EMPTY_PATH | WITHOUT_WAITING, TYPE | INODE, &it))
        return S_ISREG(it.mode) ? mixed(it.inode, (u64)it.device[0] << 32 | it.device[1]) | 1 : 0;
    if (!sys(SYS_fstat, fd, &old) && S_ISREG(old.st_mode))
        return mixed(old.st_ino, old.st_dev) | 1;
    return 0;
}

/* The descriptor that was opened last, here or in a parent, and the process that opened it. */
static _Atomic u64 last, last_file;

/* A descriptor that is our log and nothing else: a program may have closed it, and then given its
 * number to a file of its own. */
static int log_descriptor(void) {
    int held = atomic_load(&state->fd), fresh;
    u64 file = atomic_load(&state->file), before, me = (u64)atomic_load(&state->process) << 32;
    if (held && identity(held - 1) == file)
        return held - 1;
    before = atomic_load(&last);
    if (before && (before ^ me) >> 32 && atomic_compare_exchange_strong(&last, &before, 0) &&
        identity((int)before) == atomic_load(&last_file))
        sys(SYS_close, (int)before); /* the parent's log: forks of forks would have many */
    fresh = open_log();
    if (fresh < 0)
        return -1;
    file = identity(fresh);
    if (!file) {
        sys(SYS_close, fresh);
        return -1;
    }
    atomic_store(&state->file, file);
    if (!atomic_compare_exchange_strong(&state->fd, &held, fresh + 1)) {
        sys(SYS_close, fresh); /* another thread was first */
        return held - 1;
    }
    atomic_store(&last_file, file);
    atomic_store(&last, me | (u64)fresh);
    return fresh;
}

/* A file over the limit on the size of files would bring the program a signal. */
static int fits(int fd, size_t more) {
    struct rlimit limit;
    struct stat it;
    u64 most = atomic_load_explicit(&state->most, memory_order_relaxed);
    if (!most) {
        if (sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit))
            return 1;
        most = limit.rlim_cur + !limit.rlim_cur;
        atomic_store(&state->most, most);
    }
    return most == RLIM_INFINITY || (!sys(SYS_fstat, fd, &it) && (u64)it.st_size + more <= most);
}

static int put(int fd, const char *text, size_t n) {
    u64 before = atomic_fetch_add_explicit(&state->written, n, memory_order_relaxed);
    if (RARE(before + n > LOG_LIMIT)) {
        if (before <= LOG_LIMIT)
            sys(SYS_write, fd, "!\t0\t/", 6);
        return 0;
    }
    if (!fits(fd, n))
        return 0;
    long wrote = sys(SYS_write, fd, text, n);
    if (RARE(wrote > 0 && (size_t)wrote < n))
        sys(SYS_write, fd, "", 1); /* torn by a full disk: so the next record is whole */
    return wrote == (long)n;
}

static COLD void head(int fd) {
    char text[64 + 1024], *end = text;
    memcpy(end, "#\t1\t", 4);
    end = number(end + 4, (u64)atomic_load(&state->process));
    *end++ = '\t';
    end = number(end, (u64)sys(SYS_getppid));
    *end++ = '\t';
    long n = sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", end, 1024);
    end += n > 0 ? n : 0;
    *end++ = 0;
    if (put(fd, text, (size_t)(end - text)))
        atomic_store(&state->headed, 1);
}

/* One record; `b` is empty but for the new name of what was renamed. */
static int tell(char op, const char *a, size_t a_length, const char *b, size_t b_length) {
    char text[a_length + b_length + 32], *end = text;
    int mine = own(), done = 0;
    u64 start = atomic_load(&state->start), time = now();
    if (RARE(atomic_load_explicit(&state->failures, memory_order_relaxed) >= GIVE_UP) ||
        (!mine && op == 'c'))
        return 0;
    *end++ = op;
    *end++ = '\t';
    end = number(end, time > start ? (time - start) / 1000000 : 0);
    *end++ = '\t';
    memcpy(end, a, a_length);
    end += a_length;
    if (b_length) {
        *end++ = 1;
        memcpy(end, b, b_length);
        end += b_length;
    }
    *end++ = 0;
    /* A vfork child has a copy of its parent's descriptors, but not its own memory for numbers. */
    int fd = mine ? log_descriptor() : open_log();
    if (fd >= 0) {
        if (RARE(!atomic_load(&state->headed)))
            head(fd);
        done = put(fd, text, (size_t)(end - text));
        if (!mine)
            sys(SYS_close, fd);
    }
    if (!mine)
        return 0;
    if (!done)
        atomic_fetch_add(&state->failures, 1);
    else if (RARE(atomic_load_explicit(&state->failures, memory_order_relaxed)))
        atomic_store(&state->failures, 0);
    return done;
}

/* -- other files in place of those asked for --------------------------------------------------------- */

struct link { const char *from, *to; uint32_t from_length, to_length; };
static struct link *there, *back; /* by the path asked for, by the path shown instead */
static u64 link_mask;
static size_t longest; /* of the paths shown */
static int mapping;

static void enter(struct link *table, struct link it) {
    u64 at = digest(7, it.from, it.from_length) & link_mask;
    while (table[at].from) {
        if (table[at].from_length == it.from_length &&
            !memcmp(table[at].from, it.from, it.from_length))
            return;
        at = (at + 1) & link_mask;
    }
    table[at] = it;
}

/* What stands for the longest prefix of a path, at the border of a name. */
static const struct link *look_up(const struct link *table, const char *path, size_t n) {
    for (size_t end = n;; end--) {
        if (end == n || path[end] == '/')
            for (u64 at = digest(7, path, end) & link_mask; table[at].from; at = (at + 1) & link_mask)
                if (table[at].from_length == end && !memcmp(table[at].from, path, end))
                    return &table[at];
        if (!end)
            return NULL;
    }
}

/* An absolute path for what a program may call "x", "./x", "." or "/x"; 0 where there is none. `to`
 * has room for `size`; the path is not resolved, only joined. */
static size_t absolute(int at, const char *path, char *to, size_t size) {
    size_t n = strlen(path), used = 0;
    if (path[0] != '/') {
        long r;
        if (at == AT_FDCWD)
            r = sys(SYS_getcwd, to, size) - 1;
        else {
            char name[40] = "/proc/self/fd/";
            *number(name + 14, (u64)(unsigned)at) = 0;
            r = at < 0 ? -1 : sys(SYS_readlinkat, AT_FDCWD, name, to, size);
        }
        if (r <= 0 || to[0] != '/')
            return 0;
        used = (size_t)r;
        while (path[0] == '.' && path[1] == '/')
            for (path += 2, n -= 2; *path == '/'; path++) n--;
        if (path[0] == '.' && !path[1])
            path++, n--;
        if (used > 1 && n && used < size)
            to[used++] = '/';
    }
    if (used + n + 1 > size)
        return 0;
    memcpy(to + used, path, n + 1);
    return used + n;
}

/* Takes "//", "." and ".." out of an absolute path, in place. */
static size_t tidy(char *path) {
    char *to = path;
    for (const char *from = path; *from;) {
        while (*from == '/') from++;
        size_t n = 0;
        while (from[n] && from[n] != '/') n++;
        if (n == 2 && from[0] == '.' && from[1] == '.')
            while (to > path && *--to != '/') {}
        else if (n && !(n == 1 && from[0] == '.')) {
            *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
    }
    *to = 0;
    return (size_t)(to - path);
}

enum { LONGEST = 4096 };
static size_t room(const char *path) {
    return (uintptr_t)path < 4096 || !*path ? 0 : strlen(path) + (path[0] == '/' ? 0 : LONGEST) + 8;
}

/* The path that was asked for, where a working folder or descriptor gave the one shown instead. */
static size_t original(char *path, size_t n, size_t size) {
    const struct link *it = mapping ? look_up(back, path, n) : NULL;
    if (!it || it->to_length + n - it->from_length >= size)
        return n;
    memmove(path + it->to_length, path + it->from_length, n - it->from_length + 1);
    memcpy(path, it->to, it->to_length);
    return it->to_length + n - it->from_length;
}

/* The path to use: the one given, one made in `buffer`, or NULL with ENOENT for "not there". */
static COLD const char *instead(int at, const char *path, char *buffer, size_t size) {
    size_t n = absolute(at, path, buffer, size);
    if (!n)
        return path;
    int folder = buffer[n - 1] == '/';
    n = tidy(buffer);
    const struct link *it = look_up(there, buffer, n);
    if (!it && path[0] != '/') /* below a folder that is itself shown instead of another */
        it = look_up(there, buffer, n = original(buffer, n, size));
    if (!it)
        return path;
    if (!it->to_length) {
        errno = ENOENT;
        return NULL;
    }
    char *to = buffer + size; /* the second half */
    memcpy(to, it->to, it->to_length);
    memcpy(to + it->to_length, buffer + it->from_length, n - it->from_length);
    n = it->to_length + n - it->from_length;
    if (folder)
        to[n++] = '/';
    to[n] = 0;
    return to;
}
#define MAP(at, path)                                                                             \
    ({                                                                                            \
        const char *path_ = (path);                                                               \
        size_t room_ = RARE(mapping) ? room(path_) : 0;                                       \
        RARE(room_) ? instead(at, path_, __builtin_alloca(room_ * 2 + longest), room_) : path_;   \
    })

/* -- records ------------------------------------------------------------------------------------------- */

static inline int below(const char *path, size_t n, const char *folder, size_t length) {
    return n >= length && !memcmp(path, folder, length) && (n == length || path[length] == '/');
}
#define BELOW(text) below(path, n, text, sizeof text - 1)

/* What says nothing about a run: parts of the system, code that was compiled. */
static int noise(const char *path, size_t n) {
    switch (path[1]) {
    case 'd': if (BELOW("/dev")) return 1; break;
    case 'e': if (BELOW("/etc")) return 1; break;
    case 'p': if (BELOW("/proc")) return 1; break;
    case 'r': if (BELOW("/run") && !BELOW("/run/media")) return 1; break;
    case 's': if (BELOW("/sys")) return 1; break;
    case 'u': if (BELOW("/usr")) return 1; break;
    case 'l':
        if (BELOW("/lib") || BELOW("/lib64") || BELOW("/lib32") || BELOW("/libx32")) return 1;
        break;
    }
    for (int i = 0; i < skip_count; i++)
        if (below(path, n, skips[i].text, skips[i].length))
            return 1;
    /* x.pyc, x.pyc.1234 on its way to that name, x.so, x.so.1.2 */
    for (size_t i = n; i > 2 && path[i - 1] != '/' && n - i < 40; i--) {
        if (path[i - 1] != '.')
            continue;
        const char *rest = path + i;
        if (n - i >= 3 && !memcmp(rest, "pyc", 3) && (n - i == 3 || rest[3] == '.'))
            return 1;
        if (n - i >= 2 && rest[0] == 's' && rest[1] == 'o' &&
            (n - i == 2 || (rest[2] == '.' && rest[3] >= '0' && rest[3] <= '9')))
            return 1;
    }
    return 0;
}

/* A forked child has its own numbers; where the kernel does not empty them, they bear its name. */
static inline u64 salt(char op) {
    return (u64)(unsigned char)op ^ (wipes ? 0 : (u64)sys(SYS_getpid) << 8);
}

/* Room for the absolute path of a path. */
static inline size_t reach(const char *path) {
    return strlen(path) + (path[0] == '/' && !mapping ? 1 : LONGEST);
}

/* As `absolute`, under the name that was asked for in the run that is repeated. */
static size_t named(int at, const char *path, char *to, size_t size) {
    size_t n = absolute(at, path, to, size);
    return n && mapping && !look_up(there, to, n) ? original(to, n, size) : n;
}

static COLD void note_joined(char op, int at, const char *path, u64 key, size_t size) {
    char full[size];
    size_t n = named(at, path, full, size);
    if (!n) {
        if (size < LONGEST) /* little memory was enough for all but very long folders */
            note_joined(op, at, path, key, reach(path));
        return;
    }
    u64 again = digest(salt(op), full, n);
    int was = (op != 'x' && noise(full, n)) || known(again);
    if (was ? own() : tell(op, full, n, "", 0)) {
        if (!was)
            remember(again);
        if (key)
            remember(key);
    }
}

static void note(char op, int at, const char *path) {
    if (!recording || (uintptr_t)path < 4096 || !*path)
        return;
    size_t n = strlen(path);
    u64 key = 0;
    if (path[0] == '/' && !RARE(mapping)) {
        if (op != 'x' && noise(path, n))
            return;
        key = digest(salt(op), path, n);
        if (!known(key) && tell(op, path, n, "", 0))
            remember(key);
        return;
    }
    if (at == AT_FDCWD) {
        u64 turn = atomic_load_explicit(&state->turns, memory_order_relaxed);
        key = digest(salt(op) ^ (turn + 1) << 32, path, n);
        if (known(key))
            return;
    }
    note_joined(op, at, path, key, mapping ? reach(path) : n + 512);
}

/* A call failed: was it for want of the file? */
static inline void missed(int at, const char *path) {
    if (RARE(recording) && (errno == ENOENT || errno == ENOTDIR))
        note('m', at, path);
}

static char kind(int flags) {
    if ((flags & O_TMPFILE) == O_TMPFILE || flags & O_PATH)
        return 0;
    if (flags & O_DIRECTORY)
        return 'd';
    if ((flags & O_ACCMODE) == O_RDONLY)
        return 'r';
    if ((flags & O_ACCMODE) == O_WRONLY || flags & O_TRUNC ||
        (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return 'w'; /* nothing that was in it before can be read */
    return 'b';
}

static inline void opened(int fd, int at, const char *path, int flags) {
    if (!recording)
        return;
    char op = kind(flags);
    if (fd < 0)
        missed(at, path);
    else if (op)
        note(op, at, path);
}

static COLD void note_descriptor(char op, int fd) {
    char name[40] = "/proc/self/fd/", path[1024];
    if (!recording || fd < 0)
        return;
    *number(name + 14, (u64)fd) = 0;
    long n = sys(SYS_readlinkat, AT_FDCWD, name, path, sizeof path - 1);
    if (n <= 0 || path[0] != '/')
        return;
    path[n] = 0;
    original(path, (size_t)n, sizeof path);
    note(op, AT_FDCWD, path);
}

static COLD void note_moved(int at, const char *path, int to, const char *new) {
    char a[reach(path)], b[reach(new)];
    size_t a_length = named(at, path, a, sizeof a), b_length = named(to, new, b, sizeof b);
    if (a_length && b_length && (!noise(a, a_length) || !noise(b, b_length)))
        tell('v', a, a_length, b, b_length);
}

static COLD void note_removed(int at, const char *path) {
    char full[reach(path)];
    size_t n = named(at, path, full, sizeof full);
    if (n && !noise(full, n))
        tell('u', full, n, "", 0);
}

static COLD void moved(void) {
    char full[LONGEST];
    if (!recording)
        return;
    atomic_fetch_add(&state->turns, 1);
    long n = sys(SYS_getcwd, full, sizeof full) - 1;
    if (n > 0 && full[0] == '/')
        tell('c', full, original(full, (size_t)n, sizeof full), "", 0);
}

static void will_run(int at, const char *path, const char *asked) {
    if (recording && (uintptr_t)asked >= 4096 && *asked &&
        !sys(SYS_faccessat, at, path, X_OK))
        note('x', at, asked);
}

/* As execvp looks for it; the C library looks once more. */
static COLD void will_run_found(const char *name, const char *use) {
    if (!recording || (uintptr_t)name < 4096 || !*name)
        return;
    if (strchr(name, '/')) {
        will_run(AT_FDCWD, use, name);
        return;
    }
    const char *path = "/usr/local/bin:/bin:/usr/bin", *end;
    for (char **e = environ; e && *e; e++)
        if (!strncmp(*e, "PATH=", 5))
            path = *e + 5;
    size_t length = strlen(name);
    for (;; path = end + 1) {
        end = strchrnul(path, ':');
        size_t n = (size_t)(end - path);
        char full[n + length + 2];
        memcpy(full, path, n);
        if (n)
            full[n++] = '/';
        memcpy(full + n, name, length + 1);
        if (!sys(SYS_faccessat, AT_FDCWD, full, X_OK)) {
            note('x', AT_FDCWD, full);
            return;
        }
        if (!*end)
            return;
    }
}
