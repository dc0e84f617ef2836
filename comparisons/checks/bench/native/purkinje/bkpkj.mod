TITLE Calcium-activated potassium channel (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX bkpkj
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar
    THREADSAFE
}

UNITS { (mV) = (millivolt)  (mA) = (milliamp)  (S) = (siemens)  (mM) = (milli/liter) }

PARAMETER { gbar = 0.007 (S/cm2)  ztau = 1 (ms) }
ASSIGNED { v (mV)  ek (mV)  ik (mA/cm2)  cai (mM)  minf  mtau (ms)  hinf  htau (ms)  zinf }
STATE { m z h }

INITIAL {
    rates(v)
    m = minf
    z = zinf
    h = hinf
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * m^3 * z^2 * h * (v - ek)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
    z' = (zinf - z)/ztau
    h' = (hinf - h)/htau
}

PROCEDURE rates(v (mV)) { LOCAL u
    u = v + 5
    minf = 1/(1 + exp(-(u + 28.9)/6.2))
    mtau = 1000*(0.000505 + 1/(exp(-(u - 33.3)/10) + exp((u + 86.4)/10.1)))
    zinf = 1/(1 + 0.001/cai)
    hinf = 0.085 + 0.915/(1 + exp((u + 32)/5.8))
    htau = 1000*(0.0019 + 1/(exp(-(u - 54.2)/12.9) + exp((u + 48.5)/5.2)))
}
