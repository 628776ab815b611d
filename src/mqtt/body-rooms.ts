// Room for bodies that come in pieces, used again and again: a flood of large packets would have V8 collect all the time, since
// each lies outside its heap and counts against it.

/** Smaller ones are worth no accounts. */
export const smallestSharedRoom = 16 * 1024
const largestSharedRoom = 1024 * 1024
/** Of each size, of all that lie about unused: 14 MiB of the seven sizes together. */
const mostSpareBytes = 2 * 1024 * 1024

/** By size. */
const spareRooms = new Map<number, Buffer[]>()

/** @returns the least power of two that holds so many bytes, whatever was in it before */
export function takeRoom(bytes: number): Buffer {
  const size = Math.max(smallestSharedRoom, 2 ** Math.ceil(Math.log2(bytes)))
  return spareRooms.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size)
}

/** The room may be somebody else's next: nothing may look into it any more. Small and very large ones are left to V8. */
export function giveRoomBack(room: Buffer): void {
  const { length } = room
  if (length < smallestSharedRoom || length > largestSharedRoom) return
  const spares = spareRooms.get(length)
  if (spares === undefined) spareRooms.set(length, [room])
  else if ((spares.length + 1) * length <= mostSpareBytes) spares.push(room)
}
