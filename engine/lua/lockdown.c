#include "lua/lockdown.h"
#include "base/build.h"
#include "base/mem.h"
#include "codec/crypto.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEAP_BYTES_MAX                                                                             \
    (2ull * 1024u * 1024u * 1024u) /* of the whole process; each run has its own cap */
#define FILES_MAX                                                                                  \
    16 /* what is open stays open: socket and the standard three; none can be added (see the       \
          filter) */

static enum bw_err limit(int what, rlim_t value, const char *name, struct bw_error *error)
{
    struct rlimit rlimit = {.rlim_cur = value, .rlim_max = value};

    if (setrlimit((__rlimit_resource_t)what, &rlimit) != 0)
        return bw_fail(error, BW_ERR_INTERNAL, "cannot lower %s: %s", name, strerror(errno));
    return BW_ERR_OK;
}

static enum bw_err limit_all(struct bw_error *error)
{
    enum bw_err err = limit(RLIMIT_CORE, 0, "RLIMIT_CORE", error);

    if (err == BW_ERR_OK)
        err = limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE", error);
    if (err == BW_ERR_OK)
        err = limit(RLIMIT_NOFILE, FILES_MAX, "RLIMIT_NOFILE", error);
#ifndef BW_HAS_SANITIZER
    if (err == BW_ERR_OK)
        err = limit(RLIMIT_AS, HEAP_BYTES_MAX, "RLIMIT_AS", error);
#endif
    return err;
}

static enum bw_err limit_processes(struct bw_error *error)
{
#ifdef BW_HAS_SANITIZER
    (void)error;
    return BW_ERR_OK;
#else
    return limit(RLIMIT_NPROC, 0, "RLIMIT_NPROC", error);
#endif
}

#if defined(__x86_64__) && !defined(BW_HAS_SANITIZER)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(BW_HAS_SANITIZER)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef FILTER_ARCH
#define ALLOW(number)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* mmap and mprotect only without PROT_EXEC (4): nothing new can be executed. The low half of the
 * third argument. */
#define ALLOW_WITHOUT_EXEC(number)                                                                 \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4),                                           \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args[2])),      \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 1, 0),                                             \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                                              \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* Only with this first argument, of which the kernel reads the low half. */
#define ALLOW_WITH(number, value)                                                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4),                                           \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args[0])),      \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, 1),                              \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                                              \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

#define ALLOW_WITH_EITHER(number, value, other)                                                    \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 5),                                           \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args[0])),      \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 1, 0),                              \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(other), 0, 1),                              \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                                              \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

#define FILTER_HEAD                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, arch)),             \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),                                    \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),                                       \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr))

/* What a host needs. rt_sigprocmask is abort's: an assertion that fails must still end the process
 * with its signal. */
#define FILTER_HOST                                                                                \
    ALLOW(__NR_read), ALLOW(__NR_write), ALLOW(__NR_readv), ALLOW(__NR_writev),                    \
        ALLOW(__NR_recvmsg), ALLOW(__NR_sendmsg), ALLOW(__NR_brk), ALLOW(__NR_munmap),             \
        ALLOW(__NR_mremap), ALLOW(__NR_madvise), ALLOW(__NR_futex), ALLOW(__NR_rt_sigreturn),      \
        ALLOW(__NR_rt_sigprocmask), ALLOW(__NR_getpid), ALLOW(__NR_gettid), ALLOW(__NR_tgkill),    \
        ALLOW(__NR_clock_gettime), ALLOW(__NR_restart_syscall), ALLOW(__NR_exit),                  \
        ALLOW(__NR_exit_group), ALLOW_WITHOUT_EXEC(__NR_mmap), ALLOW_WITHOUT_EXEC(__NR_mprotect)

static bool install(struct sock_filter *filter, size_t count)
{
    struct sock_fprog program = {.len = (unsigned short)count, .filter = filter};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool install_filter(void)
{
    struct sock_filter filter[] = {FILTER_HEAD, FILTER_HOST,
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};

    return install(filter, sizeof filter / sizeof filter[0]);
}

/* A host's, and what it takes to make hosts: a child of the engine and of no other kind, its two
 * descriptors, and what the child gives up before it is a host. */
static bool install_nursery_filter(void)
{
    struct sock_filter filter[] = {
        FILTER_HEAD,
        FILTER_HOST,
        ALLOW_WITH(__NR_clone, BW_NURSERY_CLONE_FLAGS),
        ALLOW_WITH_EITHER(__NR_prctl, PR_SET_SECCOMP, PR_SET_PDEATHSIG),
        ALLOW(__NR_prlimit64),
        ALLOW(__NR_getppid),
        ALLOW(__NR_dup3),
        ALLOW(__NR_close),
        ALLOW(__NR_ppoll),
#ifdef __NR_poll
        ALLOW(__NR_poll),
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };

    return install(filter, sizeof filter / sizeof filter[0]);
}
#else
static bool install_filter(void)
{
    return false;
}

static bool install_nursery_filter(void)
{
    return false;
}
#endif

/* Where the kernel allows it: a user that is nobody, a network without interfaces, a root without
 * files. The filter holds without them; they hold without the filter. */
static void leave_namespaces(void)
{
#ifndef BW_HAS_SANITIZER
    int spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

    if (unshare(CLONE_NEWUSER | spaces) != 0 && unshare(spaces) != 0)
        return;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) != 0 ||
        chdir("/tmp") != 0)
        return;
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        (void)umount2(".", MNT_DETACH); /* what was the root */
#endif
}

static int by_byte(const void *a, const void *b)
{
    return memcmp(a, b, 1);
}

/* What libraries do on first use, before the filter: glibc's malloc asks for random bytes, its
 * qsort for the size of memory when there is much to sort, OpenSSL reads its configuration. */
static void warm_up(void)
{
    uint8_t hash[BW_SHA256_LEN];
    char many[4096] = {0};

    bw_free(bw_xmalloc(1));
    qsort(many, sizeof many, 1, by_byte);
    bw_sha256(BW_STR("warm"), hash);
}

static enum bw_err die_with_parent(struct bw_error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return bw_fail(error, BW_ERR_INTERNAL, "cannot tie its life to its parent's: %s",
                       strerror(errno));
    return BW_ERR_OK;
}

/* Everything but the filter and the limit on processes. */
static enum bw_err give_up(struct bw_error *error)
{
    enum bw_err err;

    leave_namespaces(); /* before the limits: it needs more than they leave */
    err = limit_all(error);
    if (err != BW_ERR_OK)
        return err;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return bw_fail(error, BW_ERR_INTERNAL, "cannot give up new privileges: %s",
                       strerror(errno));
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return bw_fail(error, BW_ERR_INTERNAL, "cannot refuse core dumps: %s", strerror(errno));
    err = die_with_parent(error);
    warm_up();
    return err;
}

enum bw_err bw_lockdown(bool *has_filter, struct bw_error *error)
{
    enum bw_err err = give_up(error);

    if (err == BW_ERR_OK)
        err = limit_processes(error);
    if (err == BW_ERR_OK)
        *has_filter = install_filter();
    return err;
}

enum bw_err bw_lockdown_nursery(bool *has_filter, struct bw_error *error)
{
    enum bw_err err = give_up(error);

    if (err == BW_ERR_OK)
        *has_filter = install_nursery_filter();
    return err;
}

enum bw_err bw_lockdown_born(pid_t engine, bool *has_filter, struct bw_error *error)
{
    enum bw_err err = die_with_parent(error); /* which a fork does not hand down */

    if (err == BW_ERR_OK && getppid() != engine)
        err = bw_fail(error, BW_ERR_UNAVAILABLE, "the engine ended meanwhile");
    if (err == BW_ERR_OK)
        err = limit_processes(error);
    if (err == BW_ERR_OK)
        *has_filter = install_filter(); /* both filters hold: what either refuses is refused */
    return err;
}
