/**
 * What an arm64 image's notes say about its branches: with BTI, whoever comes from an indirect branch has to land on an
 * instruction that is meant for it, and the processor faults at any other.
 */
import type { ByteRange, ImageBytes } from "./bytes.ts";

/** <linux/elf.h> */
const NT_GNU_PROPERTY_TYPE_0 = 5;
const GNU_PROPERTY_AARCH64_FEATURE_1_AND = 0xc000_0000;
const GNU_PROPERTY_AARCH64_FEATURE_1_BTI = 1;
/** n_namesz, n_descsz, n_type, and the name. */
const NOTE_HEADER = 16;
const GNU = 0x0055_4e47;

/**
 * Whether a property note asks for BTI. Notes of other alignments may be in the same segment, so it is looked for at every
 * word.
 *
 * @param notes what PT_NOTE says, which lies in the image
 */
export function asksForBti(image: ImageBytes, notes: ByteRange): boolean {
  for (let at = notes.start; at + NOTE_HEADER <= notes.end; at += 4) {
    const size = image.u32(at + 4);
    const isProperty =
      image.u32(at) === 4 && image.u32(at + 8) === NT_GNU_PROPERTY_TYPE_0 && image.u32(at + 12) === GNU;
    const properties = { start: at + NOTE_HEADER, end: Math.min(at + NOTE_HEADER + size, notes.end) };
    if (isProperty && (featuresIn(image, properties) & GNU_PROPERTY_AARCH64_FEATURE_1_BTI) !== 0) return true;
  }
  return false;
}

/** Each is a type, a size, and data that are padded to 8 bytes. */
function featuresIn(image: ImageBytes, { start, end }: ByteRange): number {
  for (let at = start; at + 12 <= end; at += 8 + 8 * Math.ceil(image.u32(at + 4) / 8)) {
    if (image.u32(at) === GNU_PROPERTY_AARCH64_FEATURE_1_AND) return image.u32(at + 8);
  }
  return 0;
}
