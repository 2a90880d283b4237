/** A QR code as vectors of our own, so that no image data or markup has to be let into the page. */
import { create } from "qrcode";
import { useMemo } from "react";
import styles from "./qr-code.module.css";

/** Light modules around the code that readers rely on (ISO/IEC 18004 asks for 4). */
const QUIET = 4;

export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const { path, size } = useMemo(() => {
    const { modules } = create(text, { errorCorrectionLevel: "M" });
    let drawn = "";
    for (let row = 0; row < modules.size; row++) {
      for (let column = 0; column < modules.size; column++) {
        if (modules.get(row, column)) drawn += `M${column + QUIET} ${row + QUIET}h1v1h-1z`;
      }
    }
    return { path: drawn, size: modules.size + 2 * QUIET };
  }, [text]);
  return (
    <svg className={styles.code} viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={path} fill="#1f1c19" />
    </svg>
  );
}
