/** What shows one cell. */

/** What is wrong; a Refusal is thrown. */
export type Trial = () => Promise<string[]>;

export function labelled(label: string, complaints: readonly string[]): string[] {
  return complaints.map((complaint) => `${label}: ${complaint}`);
}
