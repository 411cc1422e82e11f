/**
 * Why the kernel refuses: recorded facts in, the cause and its remedy out. Each condition of ptrace(2) is the only one
 * that is not met.
 */
import { describe, expect, it } from "vitest";
import {
  type AccessFacts,
  securityModuleReason,
  whyNotSuspended,
  whyRefused,
} from "../../../src/target/access.ts";
import { CAP_SYS_ADMIN, CAP_SYS_PTRACE, capabilityNames } from "../../../src/target/capabilities.ts";

const ids = (real: number, effective = real, saved = effective) => ({
  real,
  effective,
  saved,
  filesystem: effective,
});
const bit = (capability: number) => 1n << BigInt(capability);
const NET_RAW = bit(13);

function user(id: number, effective = 0n, permitted = effective) {
  return {
    uid: ids(id),
    gid: ids(id),
    effectiveCapabilities: effective,
    permittedCapabilities: permitted,
    seccomp: 0,
  };
}

/** Uid 1000 looks at a process of its own, and nothing stands in its way. */
const PERMITTED: AccessFacts = {
  own: user(1000),
  its: user(1000),
  filesOwner: 1000,
  yama: undefined,
  inUserNamespace: false,
  securityModules: [],
};

const refused = (facts: Partial<AccessFacts>, access: "look" | "attach" = "attach") =>
  whyRefused({ ...PERMITTED, ...facts }, access);

const SUDO = "run timeskew with sudo";
const ADD_CAPABILITY =
  "give timeskew CAP_SYS_PTRACE, which root lacks here (docker run --cap-add SYS_PTRACE)";
const HOST = "run timeskew as root of the host, not in a container or a user namespace";

describe("whyRefused", () => {
  it("has nothing to say of what is permitted", () => {
    expect(refused({})).toBeUndefined();
    expect(refused({ yama: 0 })).toBeUndefined();
    expect(
      refused({ own: user(0, bit(CAP_SYS_PTRACE)), its: user(33, NET_RAW), filesOwner: 0 }),
    ).toBeUndefined();
    expect(refused({ own: user(1000, NET_RAW), its: user(1000, NET_RAW) })).toBeUndefined();
  });

  it.each<[string, Partial<AccessFacts>, string, string]>([
    ["another user's", { its: user(33), filesOwner: 33 }, "it belongs to uid 33, and we are uid 1000", SUDO],
    [
      "for root without the capability",
      { own: user(0), its: user(33), filesOwner: 33 },
      "it belongs to uid 33, and we are uid 0",
      ADD_CAPABILITY,
    ],
    [
      "a setuid program's",
      { its: { ...user(1000), uid: ids(1000, 0) }, filesOwner: 0 },
      "it is privileged: its uid is ours, 1000, but it runs, or has run, as 0",
      SUDO,
    ],
    [
      "a setuid program's that has put its privilege aside",
      { its: { ...user(1000), uid: ids(1000, 1000, 0) } },
      "it is privileged: its uid is ours, 1000, but it runs, or has run, as 0",
      SUDO,
    ],
    [
      "a setgid program's",
      { its: { ...user(1000), gid: ids(1000, 42) } },
      "it is privileged: its gid is ours, 1000, but it runs, or has run, as 42",
      SUDO,
    ],
    [
      "another group's",
      { its: { ...user(1000), gid: ids(42) } },
      "it belongs to gid 42, and we are gid 1000",
      SUDO,
    ],
    [
      "one that is not dumpable",
      { filesOwner: 0 },
      "it is not dumpable: it has changed its user, or its file is not readable, or it asked for that (prctl)",
      SUDO,
    ],
    [
      "one with a file's capability",
      { its: user(1000, NET_RAW) },
      "it has capabilities that we lack: CAP_NET_RAW",
      SUDO,
    ],
    [
      "one with many capabilities, for root with fewer",
      { own: user(0, NET_RAW), its: user(0, 0x1ffffffffffn), filesOwner: 0 },
      "it has capabilities that we lack: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and 37 more",
      ADD_CAPABILITY,
    ],
    [
      "one with capabilities, seen from a user namespace",
      { its: user(1000, NET_RAW), inUserNamespace: true },
      "it has capabilities that we lack: CAP_NET_RAW; or it lives outside our user namespace",
      HOST,
    ],
    ["one outside our user namespace", { inUserNamespace: true }, "it lives in another user namespace", HOST],
    [
      "one outside the user namespace in which we are root",
      { own: user(0, bit(CAP_SYS_PTRACE)), its: user(0), filesOwner: 0, inUserNamespace: true },
      "it lives outside our user namespace, where our CAP_SYS_PTRACE does not count",
      HOST,
    ],
  ])("%s process", (_, facts, reason, remedy) => {
    expect(refused(facts)).toEqual({ reason, remedy });
  });

  it.each<[number, Partial<AccessFacts>, string, string]>([
    [
      1,
      {},
      "it is not our child, and Yama lets an ordinary user trace only children (kernel.yama.ptrace_scope is 1)",
      SUDO,
    ],
    [2, {}, "Yama lets only CAP_SYS_PTRACE use ptrace (kernel.yama.ptrace_scope is 2)", SUDO],
    [
      2,
      { own: user(0), its: user(0), filesOwner: 0 },
      "Yama lets only CAP_SYS_PTRACE use ptrace (kernel.yama.ptrace_scope is 2)",
      ADD_CAPABILITY,
    ],
    [
      3,
      { own: user(0, bit(CAP_SYS_PTRACE)) },
      "Yama forbids ptrace to everybody until the next boot (kernel.yama.ptrace_scope is 3)",
      "set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and boot again",
    ],
  ])("Yama's scope %i", (yama, facts, reason, remedy) => {
    expect(refused({ ...facts, yama })).toEqual({ reason, remedy });
    // It has no say in looking.
    expect(refused({ ...facts, yama }, "look")).toBeUndefined();
  });

  it("says whose it is rather than what Yama's scope 1 would say next", () => {
    expect(refused({ its: user(33), yama: 1 })?.reason).toMatch(/^it belongs to uid 33/);
  });

  it.each([0, 1, 2])("Yama's scope %i does not restrict CAP_SYS_PTRACE", (yama) => {
    expect(refused({ own: user(0, bit(CAP_SYS_PTRACE)), its: user(33), yama })).toBeUndefined();
  });

  it("compares with the effective capabilities to look, with the permitted ones to attach", () => {
    const facts = { own: user(1000, 0n, NET_RAW), its: user(1000, NET_RAW) };
    expect(refused(facts, "look")?.reason).toMatch(/CAP_NET_RAW/);
    expect(refused(facts, "attach")).toBeUndefined();
  });

  it("explains nothing by what is not known", () => {
    const nobody = {
      uid: undefined,
      gid: undefined,
      effectiveCapabilities: undefined,
      permittedCapabilities: undefined,
      seccomp: undefined,
    };
    expect(refused({ its: nobody, filesOwner: undefined })).toBeUndefined();
    expect(refused({ own: nobody })).toBeUndefined();
  });
});

describe("whyNotSuspended", () => {
  const admin = user(0, bit(CAP_SYS_ADMIN));
  it("permits it to root of the host without a filter", () => {
    expect(whyNotSuspended({ own: admin, inUserNamespace: false })).toBeUndefined();
  });
  it.each([
    ["no capability", user(0), false, /^that takes CAP_SYS_ADMIN in the host's user namespace$/],
    ["root of a user namespace", admin, true, /^that takes CAP_SYS_ADMIN in the host's user namespace$/],
    ["a filter of our own", { ...admin, seccomp: 2 }, false, /^a process that runs under a filter itself/],
  ])("%s", (_, own, inUserNamespace, reason) => {
    expect(whyNotSuspended({ own, inUserNamespace })?.reason).toMatch(reason);
  });
});

describe("securityModuleReason", () => {
  it("names those that the kernel tells of", () => {
    expect(securityModuleReason(PERMITTED).reason).toBe("a security module of the kernel forbids it");
    expect(securityModuleReason({ ...PERMITTED, securityModules: ["apparmor", "bpf"] })).toEqual({
      reason: "a security module of the kernel forbids it (in force: apparmor, bpf)",
      remedy: "look for the refusal in the kernel's log: journalctl -k, ausearch -m avc",
    });
  });
});

describe("capabilityNames", () => {
  it("numbers those that it does not know", () => {
    expect(capabilityNames(bit(0) | bit(19) | bit(40) | bit(41))).toEqual([
      "CAP_CHOWN",
      "CAP_SYS_PTRACE",
      "CAP_CHECKPOINT_RESTORE",
      "capability 41",
    ]);
    expect([CAP_SYS_PTRACE, CAP_SYS_ADMIN]).toEqual([19, 21]);
    expect(capabilityNames(0n)).toEqual([]);
  });
});
