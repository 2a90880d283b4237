/** The mark: two rings that hold each other. */
export function Mark({ size = 28 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#2b3f8c" />
      <g fill="none" stroke="#ffffff" strokeWidth="3">
        <circle cx="12" cy="16" r="5.5" />
        <circle cx="20" cy="16" r="5.5" />
      </g>
    </svg>
  );
}
