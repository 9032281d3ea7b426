/** Socket addresses as Envoy writes them. */
import { create } from '@bufbuild/protobuf';
import { type Address, AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js';

export function tcpAddress(address: string, port: number): Address {
  return create(AddressSchema, {
    address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
  });
}

/** All addresses of both families on one port. */
export function dualStack(port: number): Address {
  return create(AddressSchema, {
    address: {
      case: 'socketAddress',
      value: { address: '::', ipv4Compat: true, portSpecifier: { case: 'portValue', value: port } },
    },
  });
}

/** @param mode of a socket that is made; of one that is dialled there is none. */
export function unixAddress(path: string, mode = 0): Address {
  return create(AddressSchema, { address: { case: 'pipe', value: { path, mode } } });
}
