/** The machine that is looked at; a test makes one up in a folder. */
export interface Host {
  /** In front of every absolute path; "" but in tests. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Our effective user. */
  readonly uid: number;
  /** Our own pid, which is never selected. */
  readonly self: number;
}

export function thisHost(): Host {
  return { root: "", env: process.env, uid: process.geteuid?.() ?? 0, self: process.pid };
}
