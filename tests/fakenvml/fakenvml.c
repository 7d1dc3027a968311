/* A stand-in for NVIDIA's libnvidia-ml.so.1: just the functions that the collector calls.
 *
 * All it answers stands in the text file that $FAKENVML names, read anew whenever that file has been replaced. One word
 * and its value a line; what stands before the first "gpu" is the driver's:
 *
 *   driver 580.105.08
 *   error nvmlInitWithFlags 18           any function fails with this nvmlReturn_t
 *   delay nvmlDeviceGetPowerUsage 30     any function hangs for so many seconds, or until the line is gone
 *   gpu                                  begins the next GPU
 *   name NVIDIA GeForce RTX 4090         also: uuid
 *   total 25757220864                    also: reserved, used, busy, memory_busy, temperature, power, power_limit,
 *                                        throttle, fan; all in NVML's units
 *   compute 4242 1073741824              a process and its bytes, "-" for not known; also: graphics
 *   error * 15                           every function fails for this GPU
 *
 * Compiled with -DOLD_DRIVER it lacks what came after the R470 drivers. Layouts are those of nvidia-ml-py 13.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long long u64;

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, TOO_SMALL = 7, LOST = 15, WRONG_VERSION = 25 };
enum { MOST = 16, STEP = 20000 };

typedef struct { char function[64]; double value; } rule;
typedef struct { u32 pid; u64 bytes; int draws; } process;
typedef struct {
    char name[96], uuid[96];
    u64 total, reserved, used, busy, memory_busy, temperature, power, power_limit, throttle, fan;
    process processes[MOST];
    rule errors[MOST], delays[MOST];
    int process_count, error_count, delay_count;
} device;

static struct { char version[80]; device all, gpus[MOST]; int count; } driver;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users;
static struct stat last;
static char handles[MOST]; /* their addresses stay when the file is read anew */

static void read_line(device *at, const char *word, const char *value) {
    struct { const char *word; u64 *number; } numbers[] = {
        {"total", &at->total}, {"reserved", &at->reserved}, {"used", &at->used}, {"busy", &at->busy},
        {"memory_busy", &at->memory_busy}, {"temperature", &at->temperature}, {"power", &at->power},
        {"power_limit", &at->power_limit}, {"throttle", &at->throttle}, {"fan", &at->fan},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(word, numbers[i].word)) *numbers[i].number = strtoull(value, NULL, 0);
    if (!strcmp(word, "driver")) snprintf(driver.version, sizeof driver.version, "%s", value);
    if (!strcmp(word, "name")) snprintf(at->name, sizeof at->name, "%s", value);
    if (!strcmp(word, "uuid")) snprintf(at->uuid, sizeof at->uuid, "%s", value);
    if ((!strcmp(word, "compute") || !strcmp(word, "graphics")) && at->process_count < MOST) {
        process *one = &at->processes[at->process_count++];
        char bytes[32] = "-";
        sscanf(value, "%u %31s", &one->pid, bytes);
        one->bytes = *bytes == '-' ? ~0ULL : strtoull(bytes, NULL, 10);
        one->draws = *word == 'g';
    }
    if (!strcmp(word, "error") && at->error_count < MOST) {
        rule *one = &at->errors[at->error_count++];
        sscanf(value, "%63s %lf", one->function, &one->value);
    }
    if (!strcmp(word, "delay") && at->delay_count < MOST) {
        rule *one = &at->delays[at->delay_count++];
        sscanf(value, "%63s %lf", one->function, &one->value);
    }
}

static void read_file(void) {
    const char *path = getenv("FAKENVML");
    struct stat now;
    if (!path || stat(path, &now) || (now.st_ino == last.st_ino && now.st_mtim.tv_nsec == last.st_mtim.tv_nsec)) return;
    FILE *file = fopen(path, "re");
    if (!file) return;
    memset(&driver, 0, sizeof driver);
    device *at = &driver.all;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *value = strchr(line, ' ');
        if (value) *value++ = 0;
        if (!strcmp(line, "gpu") && driver.count < MOST) at = &driver.gpus[driver.count++];
        else if (value) read_line(at, line, value);
    }
    fclose(file);
    last = now;
}

static const rule *find(const rule *rules, int count, const char *function) {
    for (int i = 0; i < count; i++)
        if (!strcmp(rules[i].function, "*") || !strcmp(rules[i].function, function)) return &rules[i];
    return NULL;
}

/* Every call begins here: it may have to hang, it may have to fail, else it gets its GPU as it is now. */
static int enter(const char *function, const void *handle, device *copy) {
    double waited = 0;
    for (;;) {
        pthread_mutex_lock(&lock);
        read_file();
        long index = handle ? (const char *)handle - handles : -1;
        int exists = index >= 0 && index < driver.count;
        device *at = exists ? &driver.gpus[index] : &driver.all;
        const rule *delay = find(driver.all.delays, driver.all.delay_count, function);
        if (!delay) delay = find(at->delays, at->delay_count, function);
        const rule *error = find(driver.all.errors, driver.all.error_count, function);
        if (!error) error = find(at->errors, at->error_count, function);
        int initializes = !strncmp(function, "nvmlInit", 8);
        int result = error ? (int)error->value : !users && !initializes ? UNINITIALIZED : handle && !exists ? LOST : SUCCESS;
        int waits = delay && waited < delay->value;
        if (copy && exists) *copy = *at;
        pthread_mutex_unlock(&lock);
        if (!waits) return result;
        usleep(STEP);
        waited += STEP / 1e6;
    }
}

static int text(char *buffer, u32 size, const char *value) {
    if (strlen(value) + 1 > size) return TOO_SMALL;
    strcpy(buffer, value);
    return SUCCESS;
}

#define BEGIN device gpu; int result = enter(__func__, handle, &gpu); if (result) return result
#define NUMBER(function, field) int function(void *handle, u32 *value) { BEGIN; *value = (u32)gpu.field; return SUCCESS; }

int nvmlInitWithFlags(u32 flags) {
    (void)flags;
    int result = enter(__func__, NULL, NULL);
    if (!result) users++;
    return result;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return users ? (users--, SUCCESS) : UNINITIALIZED; }
const char *nvmlErrorString(int result) { return result == LOST ? "GPU is lost" : "as the test wants it"; }
int nvmlSystemGetDriverVersion(char *buffer, u32 size) {
    int result = enter(__func__, NULL, NULL);
    return result ? result : text(buffer, size, driver.version);
}
int nvmlDeviceGetCount_v2(u32 *count) {
    int result = enter(__func__, NULL, NULL);
    *count = (u32)driver.count;
    return result;
}
int nvmlDeviceGetHandleByIndex_v2(u32 index, void **handle) {
    if (index >= MOST) return INVALID;
    *handle = &handles[index];
    return enter(__func__, *handle, NULL);
}
int nvmlDeviceGetName(void *handle, char *buffer, u32 size) { BEGIN; return text(buffer, size, gpu.name); }
int nvmlDeviceGetUUID(void *handle, char *buffer, u32 size) { BEGIN; return text(buffer, size, gpu.uuid); }

typedef struct { u64 total, free, used; } memory_v1;
int nvmlDeviceGetMemoryInfo(void *handle, memory_v1 *memory) {
    BEGIN;
    u64 used = gpu.used + gpu.reserved; /* version 1 counts what the driver keeps for itself as used */
    *memory = (memory_v1){gpu.total, gpu.total - used, used};
    return SUCCESS;
}

typedef struct { u32 gpu, memory; } rates;
int nvmlDeviceGetUtilizationRates(void *handle, rates *value) {
    BEGIN;
    *value = (rates){(u32)gpu.busy, (u32)gpu.memory_busy};
    return SUCCESS;
}
int nvmlDeviceGetTemperature(void *handle, u32 sensor, u32 *value) {
    BEGIN;
    *value = (u32)gpu.temperature;
    return sensor ? INVALID : SUCCESS;
}
NUMBER(nvmlDeviceGetPowerUsage, power)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, power_limit)
NUMBER(nvmlDeviceGetFanSpeed, fan)
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, u64 *value) { BEGIN; *value = gpu.throttle; return SUCCESS; }

typedef struct { u32 pid; u64 bytes; u32 instance, compute_instance; } listed;
static int list(const char *function, void *handle, u32 *count, listed *out, int draws) {
    device gpu;
    int result = enter(function, handle, &gpu);
    if (result) return result;
    u32 room = *count, found = 0;
    for (int i = 0; i < gpu.process_count; i++)
        if (gpu.processes[i].draws == draws) {
            if (out && found < room) out[found] = (listed){gpu.processes[i].pid, gpu.processes[i].bytes, ~0u, ~0u};
            found++;
        }
    *count = found;
    return found > room ? TOO_SMALL : SUCCESS;
}
#define LIST(function, draws) \
    int function(void *handle, u32 *count, listed *out) { return list(__func__, handle, count, out, draws); }
LIST(nvmlDeviceGetComputeRunningProcesses_v2, 0)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v2, 1)

#ifndef OLD_DRIVER
LIST(nvmlDeviceGetComputeRunningProcesses_v3, 0)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, 1)
typedef struct { u32 version; u64 total, reserved, free, used; } memory_v2;
int nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2 *memory) {
    BEGIN;
    if (memory->version != (sizeof *memory | 2u << 24)) return WRONG_VERSION;
    *memory = (memory_v2){memory->version, gpu.total, gpu.reserved, gpu.total - gpu.reserved - gpu.used, gpu.used};
    return SUCCESS;
}
typedef struct { u32 version, sensor; int temperature; } temperature_v1;
int nvmlDeviceGetTemperatureV(void *handle, temperature_v1 *value) {
    BEGIN;
    if (value->version != (sizeof *value | 1u << 24)) return WRONG_VERSION;
    value->temperature = (int)gpu.temperature;
    return value->sensor ? INVALID : SUCCESS;
}
int nvmlDeviceGetCurrentClocksEventReasons(void *handle, u64 *value) { BEGIN; *value = gpu.throttle; return SUCCESS; }
#endif
