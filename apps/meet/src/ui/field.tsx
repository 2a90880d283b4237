/** Form fields: label, control, hint and error, tied together for screen readers. */
import { CircleAlert } from "lucide-react";
import { type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, useId } from "react";
import styles from "./field.module.css";

type Common = { readonly label: string; readonly hint?: string | undefined; readonly error?: string | undefined };

function Frame({ id, label, hint, error, children }: Common & { readonly id: string; readonly children: ReactNode }) {
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {children}
      {error === undefined ? null : (
        <p className={styles.error} id={`${id}-error`} role="alert">
          <CircleAlert size={16} aria-hidden="true" />
          {error}
        </p>
      )}
      {hint === undefined ? null : (
        <p className={styles.hint} id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

function describedBy(id: string, hint: string | undefined, error: string | undefined): string | undefined {
  const ids = [error === undefined ? "" : `${id}-error`, hint === undefined ? "" : `${id}-hint`].filter((each) => each !== "");
  return ids.length === 0 ? undefined : ids.join(" ");
}

export function TextField({
  label,
  hint,
  error,
  ref,
  ...rest
}: Common & InputHTMLAttributes<HTMLInputElement> & { readonly ref?: Ref<HTMLInputElement> }) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error}>
      <input
        type="text"
        {...rest}
        {...(ref === undefined ? {} : { ref })}
        id={id}
        className={styles.input}
        aria-invalid={error !== undefined}
        aria-describedby={describedBy(id, hint, error)}
      />
    </Frame>
  );
}

export type Choice = { readonly value: string; readonly text: string };

export function SelectField({
  label,
  hint,
  choices,
  ...rest
}: Common & SelectHTMLAttributes<HTMLSelectElement> & { readonly choices: readonly Choice[] }) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint}>
      <select {...rest} id={id} className={styles.input} aria-describedby={describedBy(id, hint, undefined)}>
        {choices.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export function CheckField({
  label,
  checked,
  onChange,
}: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label className={styles.check}>
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}
