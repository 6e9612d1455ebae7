/** The head of a page: where it is, what it is called, what can be done; and the title of the tab. */
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';

interface PageHeadProps {
  readonly title: string;
  /** The app that this page belongs to, for the way back. */
  readonly app?: string;
  readonly top?: boolean;
  readonly beside?: ReactNode;
  readonly children?: ReactNode;
}

export function PageHead({ title, app, top = false, beside, children }: PageHeadProps) {
  useTitle(app ? `${title} · ${app}` : title);
  return (
    <div className="page-head">
      {!top && (
        <nav aria-label="Breadcrumbs" className="crumbs">
          <Link to="/">Apps</Link>
          {app && (
            <>
              <span aria-hidden>/</span>
              <Link to="/apps/$app" params={{ app }} title={app} className="cut">
                {app}
              </Link>
            </>
          )}
        </nav>
      )}
      <div className="page-title">
        <h1 className="cut" title={title}>
          {title}
        </h1>
        {beside}
        {children && <div className="page-actions">{children}</div>}
      </div>
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Headcount`;
  }, [title]);
}
