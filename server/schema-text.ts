/** A JSON schema, as it stands in the API document, written as a TypeScript type: for people on the page, and for the client. */

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly format?: string;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** @param asked true for what is sent: there a member with a default may be left out */
export function typeText(schema: Schema, asked = false): string {
  if (schema.$ref) return nameOf(schema.$ref);
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => typeText(choice, asked)).join(' | ');
  if (schema.allOf) return schema.allOf.map((part) => typeText(part, asked)).join(' & ');
  if (Array.isArray(schema.type))
    return schema.type.map((type: string) => typeText({ ...schema, type }, asked)).join(' | ');
  return plainText(schema, asked);
}

export function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}

function plainText(schema: Schema, asked: boolean): string {
  switch (schema.type) {
    case 'array': {
      const inner = typeText(schema.items ?? {}, asked);
      return inner.includes(' ') && !inner.startsWith('{') ? `(${inner})[]` : `${inner}[]`;
    }
    case 'object':
      return objectText(schema, asked);
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return String(schema.type);
    default:
      return 'unknown';
  }
}

function objectText({ properties, required, additionalProperties }: Schema, asked: boolean): string {
  if (!properties) {
    const value =
      typeof additionalProperties === 'object' ? typeText(additionalProperties, asked) : 'unknown';
    return `Record<string, ${value}>`;
  }
  const members = Object.entries(properties).map(([name, schema]) => {
    const needed = required?.includes(name) && !(asked && schema.default !== undefined);
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${key}${needed ? '' : '?'}: ${typeText(schema, asked)}`;
  });
  return members.length > 0 ? `{ ${members.join('; ')} }` : 'Record<string, never>';
}
