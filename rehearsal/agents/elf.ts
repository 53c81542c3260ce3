/** The kind of program header that names the loader of a program (`PT_INTERP`). */
const interpreter = 3;

/**
 * Whether a program of Linux needs a loader, and with it the C library that it was linked for: a
 * static one has none.
 *
 * @param file - an ELF file of 64 bits, little-endian, as on amd64 and arm64
 * @throws RangeError if it is none
 */
export const needsLoader = (file: Uint8Array): boolean => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new RangeError("this is no ELF file of 64 bits, little-endian");
  }
  const start = Number(view.getBigUint64(0x20, true));
  const [size, count] = [view.getUint16(0x36, true), view.getUint16(0x38, true)];
  return Array.from({ length: count }, (_, index) =>
    view.getUint32(start + index * size, true),
  ).includes(interpreter);
};
