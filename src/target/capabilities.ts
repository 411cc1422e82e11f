/**
 * Capabilities by number and by name: include/uapi/linux/capability.h.
 */
const NAMES = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"],
  ...[
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
  ],
  ...[
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
  ],
  ...[
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
  ],
  ...["MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"],
  "CHECKPOINT_RESTORE",
];

export const CAP_SYS_PTRACE = NAMES.indexOf("SYS_PTRACE");
export const CAP_SYS_ADMIN = NAMES.indexOf("SYS_ADMIN");

export function hasCapability(mask: bigint | undefined, capability: number): boolean {
  return (((mask ?? 0n) >> BigInt(capability)) & 1n) !== 0n;
}

/** "CAP_NET_RAW", …; "capability 45" where the kernel knows one that we do not. */
export function capabilityNames(mask: bigint): string[] {
  return Array.from({ length: 64 }, (_, i) => i)
    .filter((i) => hasCapability(mask, i))
    .map((i) => (NAMES[i] === undefined ? `capability ${i}` : `CAP_${NAMES[i]}`));
}
