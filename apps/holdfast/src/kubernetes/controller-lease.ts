/** Name of the Lease (coordination.k8s.io) by which a replica of the controller leads, in Holdfast's namespace. */
export const controllerLease = 'holdfast-controller'
