/** Files dropped anywhere on the call. */
import { type DragEvent, useRef } from "react";

export function useDrop(setDropping: (dropping: boolean) => void, onFiles: (files: readonly File[]) => void) {
  const depth = useRef(0);
  const withFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return {
    onDragEnter: (event: DragEvent) => {
      if (!withFiles(event)) return;
      depth.current++;
      setDropping(true);
    },
    onDragLeave: (event: DragEvent) => {
      if (!withFiles(event)) return;
      depth.current = Math.max(0, depth.current - 1);
      if (depth.current === 0) setDropping(false);
    },
    onDragOver: (event: DragEvent) => {
      if (withFiles(event)) event.preventDefault();
    },
    onDrop: (event: DragEvent) => {
      if (!withFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setDropping(false);
      onFiles([...event.dataTransfer.files]);
    },
  };
}
