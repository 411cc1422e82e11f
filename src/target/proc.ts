/**
 * What the text files of /proc/PID say: parsers that take a file's text and do no I/O, one file each.
 * Sources: proc(5), and fs/proc/{array,task_mmu}.c of the kernel where the page is silent.
 */
export {
  type CgroupLine,
  type FreezerState,
  parseCgroup,
  parseCgroupEvents,
  parseFreezerState,
} from "./proc-cgroup.ts";
export { parseLimits } from "./proc-limits.ts";
export { findMapping, isStack, type Mapping, parseMaps } from "./proc-maps.ts";
export { type Mount, parseMountinfo } from "./proc-mountinfo.ts";
export { isEnding, isKernelThread, type ProcessStat, parseStat } from "./proc-stat.ts";
export { type Ids, type ProcessStatus, parseStatus } from "./proc-status.ts";
