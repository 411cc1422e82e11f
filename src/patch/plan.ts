/** Work in progress: replaced as a whole. */
export interface PatchPlan {
  pid: number;
}
