/** The API described: for programs, and for people without a script. */
import { describeApi } from '../api-document.ts';
import { apiPage, pagePolicy } from '../api-page.ts';
import type { Deps, Routes } from '../request.ts';

export function documentRoutes(api: Routes, { publicUrl }: Deps): void {
  const path = publicUrl ? new URL(publicUrl).pathname : '/';
  const document = describeApi(api, path);
  api.get('/api/openapi.json', (c) => c.json(document()));
  api.get('/api/docs', (c) => {
    c.header('content-security-policy', pagePolicy);
    return c.html(apiPage(document()));
  });
}
