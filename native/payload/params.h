/*
 * params.h - what the payload and the tool share: the parameter pages behind the payload's code in the target.
 *
 *     page 0     mark     who we are, which words of the vDSO we replaced and what stood there;
 *                         in its last cache line the index of the slot in use, flags, and the gate
 *     page 1-4   slots    two sets of settings
 *     page 5     scratch  results and stack of a remote call
 *     page 6-9   waits    translated timespecs, for calls that are under way
 *
 * src/patch/params.ts and src/patch/mark.ts hold the same layout for the tool; the payload's header carries the
 * numbers, and the tool refuses a payload whose numbers differ from its own.
 */
#ifndef TIMESKEW_PARAMS_H
#define TIMESKEW_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#define TS_PAYLOAD_MAGIC 0x444c5950454d4954ull /* "TIMEPYLD" */
#define TS_MARK_MAGIC 0x57454b53454d4954ull    /* "TIMESKEW" */
#define TS_PAYLOAD_VERSION 5

#define TS_PAGE 4096
#define TS_PARAMS_SIZE (10 * TS_PAGE)
#define TS_SLOT_SIZE (2 * TS_PAGE)
#define TS_TRAMPOLINE_SIZE 64

/*
 * clock_gettime, gettimeofday, time, clock_gettime64, vsyscall: in this order wherever they are counted. The last two
 * are a 32-bit program's: a clock read with 64 bits of seconds, and where it makes its system calls. arm64 has no time.
 */
#define TS_FUNCTIONS 5
#define TS_MAX_SITES 8
#define TS_MAX_ISLANDS 8
#define TS_MAX_ADDED 8

/* Bits of ts_slot.selected: bit n is clock id n, for n < 32; and these. */
#define TS_NAME_GETTIMEOFDAY 62
#define TS_NAME_TIME 63
#define TS_SELECT_GETTIMEOFDAY (1ull << TS_NAME_GETTIMEOFDAY)
#define TS_SELECT_TIME (1ull << TS_NAME_TIME)

/* ts_params.flags */
#define TS_FILTERED 1  /* there is a seccomp filter: no system call that the program did not ask for */
#define TS_DURATIONS 2 /* where the program waits for a time, not until one, was rewritten, too: for the tool */
#define TS_LEFT_ALONE 4 /* the user wanted no system call rewritten, here and in what it starts: for the tool */

struct ts_site {
  uint64_t address;     /* of an aligned 8-byte word in the vDSO */
  uint8_t original[8];  /* what the kernel put there */
  uint8_t patched[8];   /* what we put there: a jump and the rest of the word */
  uint32_t function;    /* as TS_FUNCTIONS counts them */
  uint32_t reserved;
};

/* Where an island is, or will be (src/patch/island.ts). */
struct ts_place {
  uint64_t address;
  uint64_t size;
};

enum ts_mark_state {
  TS_MARK_ARMED = 1,    /* complete; jumps may lead here */
  TS_MARK_RESTORED = 2, /* the vDSO was restored; only stragglers keep these pages */
};

struct ts_mark {
  uint64_t magic;
  uint32_t version;
  uint32_t state;
  uint64_t code_address;
  uint64_t code_size;
  uint64_t params_address;
  uint64_t params_size;
  uint64_t vdso_address;
  uint64_t vdso_size;
  uint32_t site_count;
  uint32_t checksum; /* FNV-1a of the mark's bytes, with this field and `state` zero */
  struct ts_site sites[TS_MAX_SITES];
  uint32_t island_count;
  uint32_t reserved;
  struct ts_place islands[TS_MAX_ISLANDS];
  uint64_t added[TS_MAX_ADDED]; /* islands that came later: address + number of pages; outside the checksum */
};

/* Clocks that have a start of their own; the coarse and the alarm clocks have that of the clock they are made from. */
enum ts_family { TS_REALTIME, TS_MONOTONIC, TS_RAW, TS_BOOTTIME, TS_TAI, TS_FAMILIES };

enum ts_kind {
  TS_CONSTANT = 0,
  TS_PROFILE = 1, /* anything else, too */
};

#define TS_TRACKS 3
#define TS_FRAMES 480

/* A key frame: ns since the profile began, or the period did, and the offset there. */
struct ts_frame {
  int64_t at;
  int64_t offset;
};

/* Lines between key frames; src/skew/profile.ts tells what all this means. */
struct ts_track {
  uint64_t clocks; /* bit n: it applies to clock id n */
  uint64_t period; /* ns; 0: never again */
  int64_t tail_num; /* slope behind the last frame */
  uint64_t tail_den;
  uint32_t first, count; /* of ts_slot.frames */
};

/*
 * One set of settings. A writer fills the slot that is not in use (an invalid generation first, the new one last)
 * and then flips ts_params.index with a store of one byte. A reader takes the slot that the index names and
 * reads again when index or generation changed meanwhile: it never waits for a writer, who may have died.
 */
struct ts_slot {
  uint64_t generation;
  uint64_t selected;
  int64_t offset_sec;   /* floor of the offset */
  uint64_t offset_nsec; /* 0 .. 999999999 */
  uint64_t skew_id;
  int64_t since; /* true time of this setting, ns since 1970 */
  uint32_t kind; /* enum ts_kind; what follows is a profile's */
  uint32_t track_count;
  int64_t start[TS_FAMILIES]; /* what each clock truly reads when it begins; until then the other slot is in force */
  uint64_t duration;          /* ns; 0: for ever */
  uint64_t every;             /* ns; 0: once */
  uint64_t noise_amplitude;   /* ns; 0: none */
  uint64_t noise_every;       /* ns */
  uint64_t noise_seed;
  uint64_t noise_glides;
  int64_t swing;   /* >= 0; tracks with a period, and noise, add no more than that. For deadlines only */
  int64_t ceiling; /* with `every`: no offset is above. For deadlines only */
  struct ts_track tracks[TS_TRACKS];
  char text[232]; /* for people */
  struct ts_frame frames[TS_FRAMES];
};

struct ts_timespec {
  int64_t sec;
  int64_t nsec;
};

/*
 * Of a program that was skewed before its libraries were mapped: it is reached by way of ts_gate (gate.S). `entry` stays,
 * for whoever has been sent there.
 */
struct ts_gate {
  uint64_t entry; /* where the program begins */
  uint64_t word;  /* address of the word on its stack that leads to the gate; 0: there is none, or it was passed */
  uint64_t first; /* where its dynamic linker begins: a thread that stands there has not read the word yet */
};

/*
 * What a system call that is made in place is told instead of the program's timespec. Not on the stack, where a signal
 * frame may lie before the kernel has read it, or reads it again. Claimed by exchanging `key` and `until` in one go.
 */
struct ts_wait {
  uint64_t key;   /* the caller's stack pointer; no other call that is under way has the same */
  uint64_t until; /* CLOCK_MONOTONIC_COARSE, ns: from then on another call may have it; 0: it is free */
  struct ts_timespec time;
} __attribute__((aligned(32)));

#define TS_WAITS 512

/* One clock, read through the vDSO's (patched) entry between two reads of the original. */
struct ts_probe_reading {
  int64_t result; /* what the function returned: 0 or -errno; for time() the seconds are in sec */
  int64_t sec;
  int64_t nsec;
  int64_t before_sec;
  int64_t before_nsec;
  int64_t after_sec;
  int64_t after_nsec;
};

/* Clock ids 0 .. 11, gettimeofday, time; CLOCK_REALTIME by clock_gettime64. */
#define TS_PROBE_READINGS 15

struct ts_probe {
  uint64_t entries[TS_FUNCTIONS]; /* in: the vDSO's functions; 0 where there is none */
  uint64_t wanted;                /* in: bits as in ts_slot.selected */
  uint64_t mismatches;            /* out: readings that are not what the settings promise */
  struct ts_probe_reading readings[TS_PROBE_READINGS];
};

struct ts_params {
  struct ts_mark mark;
  uint8_t mark_rest[TS_PAGE - 64 - sizeof(struct ts_mark)];
  uint8_t index; /* 0 or 1 */
  uint8_t index_rest[7];
  uint64_t flags;
  struct ts_gate gate;
  uint8_t gate_rest[24];
  struct ts_slot slot[2];
  struct ts_probe probe;
  uint8_t stack[TS_PAGE - sizeof(struct ts_probe)];
  struct ts_wait waits[TS_WAITS];
};

/* At the start of the payload. Offsets are from there. */
struct ts_payload_header {
  uint64_t magic;
  uint32_t version;
  uint32_t machine; /* of the target, as ELF numbers it: e_machine */
  uint32_t code_size;
  uint32_t params_size;
  uint32_t index;           /* offsets in the parameter pages */
  uint32_t slots;
  uint32_t slot_size;
  uint32_t probe;
  uint32_t trampoline_size;
  uint32_t probe_entry;     /* offset of the probe's code */
  uint32_t entries[TS_FUNCTIONS]; /* 0: this machine has no such function */
  uint32_t trampolines[TS_FUNCTIONS];
  uint32_t enter; /* where thunks call */
  uint32_t begin_entry; /* offset of ts_begin's code */
  uint32_t gate;        /* where the dynamic linker jumps to */
  uint32_t gate_called; /* behind the gate's system call */
};

_Static_assert(sizeof(struct ts_site) == 32, "src/patch/mark.ts");
_Static_assert(sizeof(struct ts_mark) == 80 + 32 * TS_MAX_SITES + 16 * TS_MAX_ISLANDS + 8 * TS_MAX_ADDED, "src/patch/mark.ts");
_Static_assert(sizeof(struct ts_track) == 40, "src/patch/params.ts");
_Static_assert(offsetof(struct ts_slot, start) == 56, "src/patch/params.ts");
_Static_assert(offsetof(struct ts_slot, tracks) == 160, "src/patch/params.ts");
_Static_assert(offsetof(struct ts_slot, text) == 280, "src/patch/params.ts");
_Static_assert(offsetof(struct ts_slot, frames) == 512, "src/patch/params.ts");
_Static_assert(sizeof(struct ts_slot) == TS_SLOT_SIZE, "src/patch/params.ts");
_Static_assert(sizeof(struct ts_params) == TS_PARAMS_SIZE, "src/patch/params.ts");
_Static_assert(offsetof(struct ts_params, gate) == 0xfd0, "src/patch/params.ts, gate.S");

#endif
