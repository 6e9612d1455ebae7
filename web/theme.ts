/**
 * The look: a quiet slate with one teal. Colour says only three things: what waits (amber), what works (teal), what
 * needs a person (red); unknown is hatched violet and never looks like a number. Mantine's own greys are replaced where
 * they miss the contrast of 4.5 to 1 for small text.
 */
import {
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  type ModalProps,
} from '@mantine/core';

const teal: MantineColorsTuple = [
  '#e6f7f5',
  '#cdece8',
  '#9fdad2',
  '#6cc6bb',
  '#3fb3a6',
  '#1f9c8f',
  '#108074',
  '#0c6f67',
  '#095c56',
  '#064843',
];

const red: MantineColorsTuple = [
  '#fdeceb',
  '#fad5d2',
  '#f4aaa5',
  '#ee7d75',
  '#e5574c',
  '#d63f34',
  '#c5362c',
  '#b42318',
  '#931b12',
  '#74140d',
];

const slate: MantineColorsTuple = [
  '#f7f8fa',
  '#eff1f4',
  '#e3e7ec',
  '#d3d9e0',
  '#b6bfca',
  '#8d98a6',
  '#667180',
  '#4b5563',
  '#323b48',
  '#1c2430',
];

const night: MantineColorsTuple = [
  '#d5dbe3',
  '#b4bdc9',
  '#94a0af',
  '#6f7b8b',
  '#3d4754',
  '#2b333e',
  '#1f262f',
  '#161c23',
  '#10151b',
  '#0b0f14',
];

export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: { light: 7, dark: 6 },
  colors: { teal, red, gray: slate, dark: night },
  black: '#1c2430',
  fontFamily:
    'ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", Menlo, Consolas, monospace',
  defaultRadius: 6,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Not by Modal.extend, which would bring all of it into the first load.
    Modal: {
      // A <header> that is not within the page's own landmarks would be announced as a second banner.
      defaultProps: {
        closeButtonProps: { 'aria-label': 'Close' },
        attributes: { header: { role: 'presentation' } },
      } satisfies Partial<ModalProps>,
    },
  },
  headings: { fontWeight: '620', sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1rem' } } },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f7f8fa',
    '--mantine-color-dimmed': '#566170',
    '--mantine-color-placeholder': '#667180',
    '--mantine-color-error': '#b42318',
    '--mantine-color-anchor': '#0a635c',
  },
  dark: {
    '--mantine-color-body': '#10151b',
    '--mantine-color-dimmed': '#a0abb9',
    '--mantine-color-placeholder': '#94a0af',
    '--mantine-color-error': '#ff8f85',
    '--mantine-color-anchor': '#5fd0c4',
  },
});
