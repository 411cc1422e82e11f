/** Boots a guest, hands on what it prints, and tells how it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Arch, NAMES } from "./arch.ts";

export interface Boot {
  arch: Arch;
  kernel: string;
  initramfs: string;
  /** Kernel arguments. */
  append?: string;
  /** It is taken to hang when it has printed nothing for so long. */
  silenceMs: number;
  onLine: (line: string) => void;
}

/** The exit code of what ran in the guest, or in words why there is none. */
export type Ended = { code: number } | { problem: string };

const MEMORY_MB = 1536;
const PROCESSORS = 2;

/** Emulated everywhere: it is quick enough, and the same processor on every machine. */
const EMULATION = ["-accel", "tcg,thread=multi"];

const MACHINE: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: ["-cpu", "max"],
  // The default algorithm of pointer authentication takes a third of the emulated time.
  arm64: ["-M", "virt", "-cpu", "max,pauth-impdef=on"],
};
const CONSOLE: Readonly<Record<Arch, string>> = { x86_64: "ttyS0", arm64: "ttyAMA0" };

/** Even the death of this process by SIGKILL takes the guest with it. */
const WITH_US = ["setpriv", "--pdeathsig=KILL", "--"] as const;

function command({ arch, kernel, initramfs, append = "" }: Boot): [string, ...string[]] {
  return [
    ...WITH_US,
    NAMES[arch].qemu,
    ...EMULATION,
    ...MACHINE[arch],
    ...["-smp", String(PROCESSORS), "-m", String(MEMORY_MB)],
    ...["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"],
    ...["-kernel", kernel, "-initrd", initramfs],
    ...["-append", `console=${CONSOLE[arch]} panic=-1 quiet ${append}`],
  ];
}

/** Returns when the guest has said its exit code, or has ended without it, or was ended for its silence. */
export async function boot(guest: Boot): Promise<Ended> {
  const [program, ...args] = command(guest);
  const qemu = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const giveUp = () => qemu.kill("SIGKILL");
  process.once("exit", giveUp);
  try {
    return await watch(qemu, guest);
  } finally {
    giveUp();
    process.removeListener("exit", giveUp);
  }
}

/** Enough to see how it ended. */
const LAST_LINES = 12;

function watch(qemu: ChildProcess, { silenceMs, onLine }: Boot): Promise<Ended> {
  return new Promise((resolve) => {
    const last: string[] = [];
    let stderr = "";
    const end = (how: Ended) => {
      clearTimeout(timer);
      resolve(how);
    };
    const told = () => (last.length > 0 ? `; its last words:\n${last.join("\n")}` : ", without a word");
    const timer = setTimeout(
      () => end({ problem: `the guest hangs: not a word for ${silenceMs / 1000} s${told()}` }),
      silenceMs,
    );
    qemu.stderr!.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    qemu.on("error", (error) => end({ problem: error.message }));
    const lines = createInterface({ input: qemu.stdout! });
    lines.on("line", (raw) => {
      timer.refresh();
      const line = raw.replaceAll("\r", "");
      const exit = /^GUEST-EXIT:(\d+)$/.exec(line);
      if (exit) return end({ code: Number(exit[1]) });
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      onLine(line);
    });
    qemu.on("close", (code) => {
      const why = stderr.trim() ? `: ${stderr.trim()}` : "";
      end({ problem: `the guest ended by itself (QEMU: status ${code})${why}${told()}` });
    });
  });
}
