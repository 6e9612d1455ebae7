/**
 * KEDA's external scaler protocol (externalscaler.proto, package `externalscaler`), as protobuf.js describes it. Names and
 * numbers are those of KEDA's documentation (keda.sh, "External Scalers"). It stands here as data rather than as a .proto file, so
 * that the built program needs no file beside its code.
 */
const text = (id: number) => ({ type: 'string', id });
const service = (requestType: string, responseType: string) => ({ requestType, responseType });

export const protocol: object = {
  nested: {
    externalscaler: {
      nested: {
        ExternalScaler: {
          methods: {
            IsActive: service('ScaledObjectRef', 'IsActiveResponse'),
            StreamIsActive: { ...service('ScaledObjectRef', 'IsActiveResponse'), responseStream: true },
            GetMetricSpec: service('ScaledObjectRef', 'GetMetricSpecResponse'),
            GetMetrics: service('GetMetricsRequest', 'GetMetricsResponse'),
          },
        },
        ScaledObjectRef: {
          fields: {
            name: text(1),
            namespace: text(2),
            scalerMetadata: { keyType: 'string', type: 'string', id: 3 },
          },
        },
        IsActiveResponse: { fields: { result: { type: 'bool', id: 1 } } },
        GetMetricSpecResponse: { fields: { metricSpecs: { rule: 'repeated', type: 'MetricSpec', id: 1 } } },
        MetricSpec: {
          fields: {
            metricName: text(1),
            targetSize: { type: 'int64', id: 2 },
            targetSizeFloat: { type: 'double', id: 3 },
          },
        },
        GetMetricsRequest: {
          fields: { scaledObjectRef: { type: 'ScaledObjectRef', id: 1 }, metricName: text(2) },
        },
        GetMetricsResponse: { fields: { metricValues: { rule: 'repeated', type: 'MetricValue', id: 1 } } },
        MetricValue: {
          fields: {
            metricName: text(1),
            metricValue: { type: 'int64', id: 2 },
            metricValueFloat: { type: 'double', id: 3 },
          },
        },
      },
    },
  },
};

export interface ScaledObjectRef {
  readonly name: string;
  readonly namespace: string;
  readonly scalerMetadata: Readonly<Record<string, string>>;
}

export interface MetricSpec {
  readonly metricName: string;
  readonly targetSize: number;
  readonly targetSizeFloat: number;
}

export interface MetricValue {
  readonly metricName: string;
  readonly metricValue: number;
  readonly metricValueFloat: number;
}

export interface GetMetricsRequest {
  readonly scaledObjectRef: ScaledObjectRef | null;
  readonly metricName: string;
}
