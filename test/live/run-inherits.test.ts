/** What a program finds that `timeskew run` starts is what it would find without us: limits, signals, descriptors, pipes. */
import { describe, expect, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { A_DAY_LATE, compared, ended, quoted } from "../support/programs.ts";

describe("what it finds", () => {
  const facts = [
    "grep -E '^(Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|CoreDumping|Umask|Uid|Gid|Groups|Cpus_allowed_list)' /proc/self/status",
    "cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup /proc/self/personality",
    "for fd in 0 1 2; do grep flags /proc/self/fdinfo/$fd; done",
    "ls -l /proc/self/fd | sed 's/.*[0-9] \\([0-9]* -> [^[]*\\).*/\\1/'",
    "ulimit -a; pwd; umask; id; echo $PPID | grep -c .; ps -o tty=,ni=,cls= -p $$; readlink /proc/self/ns/*",
  ].join("; ");

  const AROUND: [string, string][] = [
    ["", 'exec "$@"'],
    ["with other limits", 'ulimit -S -n 321; ulimit -c 0; ulimit -s 4096; sh -c \'"$@"; exit $?\' sh "$@"'],
    ["with more descriptors", 'exec 3</dev/null 4>/dev/null 7</dev/zero 15</ 33</ && "$@"; exit $?'],
    ["with pipes as descriptors", 'true | { exec 9<&0 </dev/null; "$@"; exit $?; }'],
    ["with a reader", 'set -o pipefail; "$@" 2>&1 | cat'],
    ["with a mask, niceness, directory", 'umask 0137; cd /usr; nice -n 3 "$@"; exit $?'],
    ["without stdin", '"$@" </dev/null; exit $?'],
  ];
  test.for(AROUND)("the same as without us %s", async ([, around], context) => {
    needTracing(context);
    const { ours, control } = await compared(["sh", "-c", facts], { around: ["bash", "-c", around, "bash"] });
    const plain = (text: string) => text.replaceAll(/\/proc\/\d+/g, "/proc/N").replaceAll(/ \d{3,}$/gm, " N");
    expect(plain(ours.stdout)).toEqual(plain(control.stdout));
    expect({ ...ours, stdout: "" }).toEqual({ ...control, stdout: "" });
    expect(ours.stdout).toContain("Max open files");
  });

  test("stdout and stderr that were non-blocking, or were not", async (context) => {
    const [python = ""] = needPrograms(context, "python3");
    needTracing(context);
    for (const blocking of ["True", "False"]) {
      const start = `import os, sys\nfor fd in (0, 1, 2): os.set_blocking(fd, ${blocking})\nos.execvp(sys.argv[1], sys.argv[1:])`;
      const { ours, control } = await compared(
        ["grep", "flags", "/proc/self/fdinfo/0", "/proc/self/fdinfo/1", "/proc/self/fdinfo/2"],
        {
          around: [python, "-c", start],
        },
      );
      expect(ours).toEqual(control);
    }
  });

  test("SIGPIPE: what writes to nobody is ended by it", async (context) => {
    needTracing(context);
    const { stdout } = await ended([
      "bash",
      "-c",
      `${A_DAY_LATE.map(quoted).join(" ")} yes | head -1; echo "\${PIPESTATUS[0]}"`,
    ]);
    expect(stdout).toBe(`y\n${128 + 13}\n`);
  });

  test("its stdin, to the end", async (context) => {
    needTracing(context);
    const input = "line\n".repeat(100_000);
    expect(await ended([...A_DAY_LATE, "cat"], { input })).toMatchObject({ code: 0, stdout: input });
  });
});
