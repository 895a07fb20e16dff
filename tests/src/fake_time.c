/* A wall clock beside the true one, for the process that this is loaded into: so many seconds as stand in the file that
   WALL_CLOCK names, looked at once a second. Boot-time and monotonic clock stay as they are.

   Who waits until a time of the wall clock (librdkafka) waits as long as he meant to. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    static long known, looked = -1;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    if (now.tv_sec != __atomic_exchange_n(&looked, now.tv_sec, __ATOMIC_RELAXED)) {
        const char *path = getenv("WALL_CLOCK");
        FILE *file = path ? fopen(path, "re") : NULL;
        long read = 0;
        if (file && fscanf(file, "%ld", &read) == 1)
            __atomic_store_n(&known, read, __ATOMIC_RELAXED);
        if (file)
            fclose(file);
    }
    return __atomic_load_n(&known, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *at, void *zone) {
    int failed = syscall(SYS_gettimeofday, at, zone);
    if (!failed)
        at->tv_sec += offset();
    return failed;
}

int timespec_get(struct timespec *at, int base) {
    return clock_gettime(CLOCK_REALTIME, at) ? 0 : base;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec truly = *until;
    if (!wait)
        *(void **)&wait = dlsym(RTLD_NEXT, "cnd_timedwait");
    truly.tv_sec -= offset();
    return wait(condition, mutex, &truly);
}
