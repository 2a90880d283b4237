/** A link within the app: an ordinary one for new tabs and copying, a route for a plain click. */
import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { navigate, pathOf, type Route } from "../router.ts";

export function Link({ to, onClick, ...rest }: Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> & { readonly to: Route }) {
  return (
    <a
      {...rest}
      href={pathOf(to)}
      onClick={(event: MouseEvent<HTMLAnchorElement>) => {
        onClick?.(event);
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
          return;
        event.preventDefault();
        navigate(to);
      }}
    />
  );
}
