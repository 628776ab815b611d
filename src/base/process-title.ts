// What `ps` shows of a running broker, which tells it from the other commands of this program: `castellan signal -a` goes by it.

/** Of a broker that was not started under the name `mosquitto`. */
export const brokerTitle = 'castellan: broker'
/** Of one that was: scripts look for it under that name. */
export const mosquittoTitle = 'mosquitto'
