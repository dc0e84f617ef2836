TITLE TEA-insensitive potassium channel (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX kpkjslow
    USEION k READ ek WRITE ik
    RANGE gbar
    THREADSAFE
}

UNITS { (mV) = (millivolt)  (mA) = (milliamp)  (S) = (siemens) }

PARAMETER { gbar = 0.004 (S/cm2) }
ASSIGNED { v (mV)  ek (mV)  ik (mA/cm2)  ninf  ntau (ms) }
STATE { n }

INITIAL {
    rates(v)
    n = ninf
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * n^4 * (v - ek)
}

DERIVATIVE states {
    rates(v)
    n' = (ninf - n)/ntau
}

PROCEDURE rates(v (mV)) { LOCAL u
    u = v + 11
    ninf = 1/(1 + exp(-(u + 16.5)/18.4))
    ntau = 1000*(0.000796 + 1/(exp((u + 73.2)/11.7) + exp(-(u - 306.7)/74.2)))
}
