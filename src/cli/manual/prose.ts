/**
 * What the man page says beside the commands. `Backquotes` are for what is typed as it stands; each text is a paragraph, a
 * pair is a term and what it means.
 */

export type Paragraph = string | readonly [term: string, meaning: string];

export const DESCRIPTION: readonly Paragraph[] = [
  "timeskew gives a running process, container or process tree a wrong clock, and takes it back, while everything else on " +
    "the machine keeps the right one. The process is not restarted, preloaded or configured: it may be a database, a JVM, a " +
    "Go or a static binary. Its clock stays about as fast as it was, and its waits last as long as they should.",
  "Programs read the clock through the vDSO, a small image that the kernel maps into each process. timeskew stops the " +
    "process by ptrace(2) for about a millisecond, maps pages into it, and makes the functions of its vDSO jump there. Nothing " +
    "of timeskew runs afterwards.",
  "One's own processes need no root, unless `kernel.yama.ptrace_scope` says otherwise; `timeskew doctor` knows.",
];

export const VALUES: readonly Paragraph[] = [
  [
    "DURATION",
    "Numbers with units, as Go writes them, exact to the nanosecond: `-600s`, `1h30m`, `-10m100ns`, `-1.5h`, `2d`. The units " +
      "are ns, us, ms, s, m, h and d. A number without a unit is refused.",
  ],
  [
    "TIME",
    "`2038-01-19T03:14:00Z`, `2038-01-19T04:14:00+01:00`, `'2038-01-19 03:14:00'` (local time), or `@2147483640` (seconds since " +
      "1970).",
  ],
  [
    "Targets",
    "Flags that name targets may be repeated and combined, and add up. Who is named together gets one skew, with one id and " +
      "one beginning. If some cannot be skewed the others are, and the exit status is 7.",
  ],
  [
    "Clocks",
    "Those of clock_gettime(2), in any case, with or without `CLOCK_`. `CLOCK_REALTIME` brings along what a wrong wall clock " +
      "would: `CLOCK_REALTIME_COARSE`, `CLOCK_REALTIME_ALARM`, `CLOCK_TAI`, gettimeofday(2) and time(2). `CLOCK_MONOTONIC` brings " +
      "`CLOCK_MONOTONIC_COARSE`, `CLOCK_BOOTTIME` and `CLOCK_BOOTTIME_ALARM`. With `--exact` only the named ones are skewed.",
  ],
];

export const ENVIRONMENT: readonly Paragraph[] = [
  ["NO_COLOR", "If it is not empty, nothing is coloured."],
  [
    "FORCE_COLOR",
    "Colours what goes to files and pipes, too; 0 colours nothing. It counts more than `NO_COLOR`.",
  ],
  ["TERM", "On a `dumb` terminal nothing is coloured or drawn anew; `linux` gets charts in ASCII."],
  ["LC_ALL, LC_CTYPE, LANG", "Charts are drawn in ASCII unless the first of them that is set names UTF-8."],
  ["TZ", "The time zone of dates without one, and of reports."],
  [
    "DOCKER_HOST, CONTAINER_HOST",
    "Further sockets (unix://) at which Docker and Podman are asked for names.",
  ],
  ["SUDO_UID, HOME", "Whose rootless containers are looked for as well."],
  ["TIMESKEW_DEBUG", "If it is 1, errors come with a stack trace, also beside `--json`."],
];

export const FILES: readonly Paragraph[] = [
  "There is no configuration, no daemon and no state file: the record of what was changed lies in the process itself, and a " +
    "forked child carries it along.",
  [
    "/proc",
    "Everything about processes is read here. Container runtimes are asked at their sockets, or their files are read, only for " +
      "the names of containers.",
  ],
];

export const JSON_REPORT: readonly Paragraph[] = [
  "With `--json` stdout is one JSON object, on failure too: `schemaVersion`, `command`, `ok`, `targets`, what the command adds, " +
    "and `error` with `code`, `message`, `hint` and `targetState`. Nanoseconds are decimal strings, addresses are strings " +
    "(0x...), and what is absent is null. New keys may appear at any time; when one changes its meaning, `schemaVersion` is raised. " +
    "The npm package has a JSON Schema of each command's report in schema/.",
];

export const SAFETY: readonly Paragraph[] = [
  "The tool may be killed at any moment: the process runs on with its true time or with the whole skew. `timeskew status` tells " +
    "what is left in it, and `timeskew recover` takes it back, whoever injected it. Afterwards the vDSO is byte for byte as the " +
    "kernel made it.",
  "A change that would take `CLOCK_MONOTONIC` back, recovering from a step forward included, is refused unless " +
    "`--allow-backward-monotonic` is given: no kernel does that, and programs abort on it. `recover --glide` slows the clock until " +
    "the true one has caught up.",
];

export const LIMITS: readonly Paragraph[] = [
  "Programs that are started later, or that call execve(2), have the true time unless they are followed (`--follow`, `run`). " +
    "Forked children keep the skew.",
  "Instructions that read the processor's counter (rdtsc), and times that the kernel tells, are true: of files, packets, System V " +
    "IPC, adjtimex(2), sysinfo(2), /proc.",
  "Never skew what sets the clock (chronyd, ntpd): it would set the machine's, by its own.",
  "A wait that has begun keeps its deadline in true time. Deadlines in memory (io_uring) and in code that is generated at run time " +
    "are not translated.",
  "A process that is traced, by a debugger or by `--follow`, cannot be traced by another.",
];

export const SEE_ALSO: readonly Paragraph[] = [
  "`clock_gettime`(2), `ptrace`(2), `time_namespaces`(7), `vdso`(7), `faketime`(1)",
];
